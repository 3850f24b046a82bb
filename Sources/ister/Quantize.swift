public import ArgumentParser
import Glibc
import IsterDecoder
import IsterModelFile
public import IsterQuantizer

struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turns a checkpoint into one quantized model file.",
        discussion: """
            The checkpoint is a Hugging Face folder or a .gguf file. The output appears when it is complete and was \
            read back; until then a hidden temporary file stands beside it, which a later run removes if this one is \
            killed.
            """)

    @Argument(help: "A Hugging Face folder or a .gguf file.") var checkpoint: String
    @Option(name: [.customShort("o"), .customLong("output")], help: "By default NAME-PRESET.ister in this folder.")
    var output: String?
    @Option(help: "f32 keeps the weights; q8 and q4 take about 8 and 4.5 bits each.") var preset = Preset.q4
    @Flag(help: "Replaces an existing output.") var force = false
    @Flag(help: "A JSON report on stdout.") var json = false
    @OptionGroup(title: "Calibration") var calibrationOptions: CalibrationOptions
    @OptionGroup var threadOption: ThreadOption

    func run() throws {
        let target = output ?? Self.defaultOutput(checkpoint: checkpoint, preset: preset)
        let threads = ThreadBudget.ofThisMachine(requested: threadOption.threads)
        let conversion = Conversion(
            source: checkpoint, output: target, preset: preset, threads: threads.count, replacing: force,
            calibration: try calibrationOptions.calibration(
                checkpoint: checkpoint, output: target, threads: threads.count))
        let bar = ProgressBar()
        let clock = CalibrationClock()
        let interrupt = Interrupt {
            bar.clear()
            Self.removeTemporaryFiles(of: target)
            endProcess(Failure.Code.interrupted.rawValue)
        }
        defer { withExtendedLifetime(interrupt) {} }
        let start = ContinuousClock.now
        let report: ConversionReport
        do {
            defer { bar.clear() }
            report = try conversion.run { progress in
                if case .calibrating(let pass, let count, let done, let total) = progress.stage {
                    bar.show(done: done, total: total, label: clock.label(pass: pass, of: count, done, total))
                } else {
                    bar.show(done: progress.bytesDone, total: progress.bytesTotal, label: Self.label(progress.stage))
                }
            }
        } catch {
            throw Failure(error, file: checkpoint)
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        for warning in report.warnings { StandardError.write("ister: warning: \(warning)\n") }
        try tell(report, seconds: seconds)
    }

    /// models/danube/ and q4 give danube-q4.ister.
    static func defaultOutput(checkpoint: String, preset: Preset) -> String {
        var name = String(checkpoint.split(separator: "/").last ?? "model")
        if name.hasSuffix(".gguf") { name.removeLast(5) }
        if name.isEmpty || name == "." || name == ".." { name = "model" }
        return "\(name)-\(preset.rawValue).ister"
    }

    /// A conversion that is interrupted leaves nothing behind. The names are those of IsterModelFile's temporary files;
    /// one that stays all the same is removed by the next run.
    private static func removeTemporaryFiles(of target: String) {
        for path in [target, DecoderCalibration.path(output: target)] {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let folder = parts.dropLast().map { $0 + "/" }.joined()
            _ = unsafe unlink("\(folder).\(parts.last ?? "").tmp-\(getpid())")
        }
        _ = unsafe unlink(DecoderCalibration.path(output: target))
    }

    private static func label(_ stage: ConversionProgress.Stage) -> String {
        switch stage {
        case .hashing: "checksums of the source"
        case .calibrating: "calibration"
        case .converting(let tensor): tensor
        case .proving: "reading back"
        }
    }

    private func tell(_ report: ConversionReport, seconds: Double) throws {
        guard json else {
            if let feedback = report.feedback {
                StandardError.write(
                    """
                    error of the products on the calibration text: \(feedback.storedError), without feedback \
                    \(feedback.plainError)

                    """)
            }
            StandardError.write(
                """
                \(report.output): \(binarySize(report.fileBytes)), \(decimals(report.bitsPerWeight, 3)) bits per \
                weight, relative squared error \(report.relativeSquaredError), \(decimals(seconds, 1)) s

                """)
            return
        }
        try StandardOutput.write(
            JSONText.object([
                ("output", .string(report.output)),
                ("bytes", .integer(report.fileBytes)),
                ("preset", .string(preset.rawValue)),
                ("bits_per_weight", .number(report.bitsPerWeight)),
                ("relative_squared_error", .number(report.relativeSquaredError)),
                ("feedback_error", report.feedback.map { .number($0.storedError) } ?? .null),
                ("plain_error", report.feedback.map { .number($0.plainError) } ?? .null),
                ("tensors", .integer(report.header.tensors.count)),
                ("seconds", .number(seconds)),
                ("warnings", .array(report.warnings.map(JSONText.string))),
            ]).line)
    }
}

extension Preset: ExpressibleByArgument {}
