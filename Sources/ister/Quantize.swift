import ArgumentParser
import Glibc
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer

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
    @Option(
        help: """
            \(QuantizePreset.allCases.map { "\($0.rawValue): \($0.summary)" }.joined(separator: ". ")). By default \
            q4, and import for a .gguf file whose weights are rounded already.
            """)
    var preset: QuantizePreset?
    @Option(
        help: """
            Instead of a preset: the bits per weight of the whole file. Each matrix gets 4 or 8 bits, by what \
            rounding it costs, which is measured first.
            """)
    var targetBits: Double?
    @Flag(help: "Tells how large files and memory would be, and writes nothing.") var plan = false
    @Flag(
        help: """
            Rounds to 4 bits what the source has rounded already, and tells the divergence that it adds unless \
            --no-certify is given.
            """)
    var allowRequantize = false
    @Flag(help: "Replaces an existing output.") var force = false
    @Flag(help: "A JSON report on stdout.") var json = false
    @OptionGroup(title: "Calibration") var calibrationOptions: CalibrationOptions
    @OptionGroup(title: "Certificate") var certificationOptions: CertificationOptions
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        try calibrationOptions.validate(preset)
        if plan, let option = certificationOptions.optionOfMadeFiles {
            throw ValidationError("\(option) does not go with --plan, which makes no file.")
        }
        if certificationOptions.certifyChunks != nil, certificationOptions.text == nil, calibrationOptions.text == nil {
            throw ValidationError("--certify-chunks goes with --certify or --calibrate.")
        }
        if certificationOptions.maximumDivergence != nil, certificationOptions.text == nil,
            calibrationOptions.text == nil
        {
            throw ValidationError("--max-kld goes with --certify or --calibrate.")
        }
        guard let targetBits else { return }
        if preset != nil { throw ValidationError("Give either --preset or --target-bits.") }
        guard targetBits.isFinite, targetBits > 0, targetBits <= 32 else {
            throw ValidationError("--target-bits is \(targetBits); it must be above 0 and at most 32")
        }
    }

    func run() throws {
        let source = try SourceFormats(checkpoint)
        let preset = targetBits == nil ? self.preset ?? QuantizePreset(source.preset) : .q4
        let requantizing = try source.requantizing(preset.base, isAllowed: allowRequantize || plan)
        let target = output ?? Self.defaultOutput(checkpoint: checkpoint, name: recipeName(preset))
        // The writer refuses it as well, but only after the texts are read.
        if !force, !plan, FileStatus.exists(target) {
            throw Failure(ModelFileError.outputExists(path: target), file: target)
        }
        let job = job(preset.base, output: target)
        let bar = job.bar
        let signals = EndSignals {
            bar.clear()
            Self.removeTemporaryFiles(of: target)
        }
        defer { withExtendedLifetime(signals) {} }
        let start = ContinuousClock.now
        if plan, targetBits == nil { return try tell(planOfPresets(job, source)) }
        let text = try calibrationOptions.calibrationText(
            checkpoint, heldOut: plan || preset == .f32 ? 0 : certificationOptions.heldOutWindows)
        let options = preset.isCalibrated ? calibrationOptions.withOwnText : calibrationOptions
        let calibration = job.calibration(options, text)
        let certification = plan ? nil : try job.certification(certificationOptions, text)
        if !plan, targetBits != nil || preset.size != nil { try job.check(calibration, certification) }
        let allocation = try allocation(preset, job, text, calibration, certification)
        if plan, let allocation { return try tell(job.plan(allocation, calibrationOptions, calibration, nil)) }
        let report = try job.run(allocation, calibration, certification)
        let loss = requantizing.map { $0 + (certificationOptions.noCertify ? "" : job.lossText(report)) }
        let seconds = start.duration(to: .now) / .seconds(1)
        if preset == .imported, let note = source.note { StandardError.write("ister: \(note)\n") }
        if preset != .f32, let reason = certificationOptions.absence(text, report) {
            StandardError.write("ister: no certificate\(reason): give --certify TEXT\n")
        }
        let brief = calibration != nil || certification != nil ? CalibrationText.warning(report.header.shape) : nil
        try tell(report, report.warnings + [loss, brief].compactMap { $0 }, preset: preset, seconds: seconds)
    }

    /// Of the given preset, else of all that suit the source. Sizes do not depend on the calibration text, but a plan
    /// with one that cannot be used would be none.
    private func planOfPresets(_ job: QuantizeJob, _ source: SourceFormats) throws(Failure) -> QuantizePlan {
        if let text = calibrationOptions.text { _ = try InputFile.readText(text) }
        return try job.plan(preset.map { [$0] } ?? source.presets, calibrationOptions)
    }

    private func job(_ preset: Preset, output: String) -> QuantizeJob {
        QuantizeJob(
            checkpoint: checkpoint, output: output,
            threads: ThreadBudget.ofThisMachine(requested: threadOption.threads), preset: preset, replacing: force,
            texts: [calibrationOptions.text, certificationOptions.text].compactMap { $0 })
    }

    /// Formats of single matrices; nil where the preset's are used everywhere.
    private func allocation(
        _ preset: QuantizePreset, _ job: QuantizeJob, _ text: CalibrationText?, _ calibration: Calibration?,
        _ certification: Certification?
    ) throws(Failure) -> Allocation? {
        let name = recipeName(preset)
        let size = targetBits.map(TargetSize.bits) ?? preset.size.map(TargetSize.between)
        if let size {
            return try job.allocation(size, name: name, text: text, calibration, certification)
        }
        return preset.isCalibrated ? Allocation(name: name, formats: [:]) : nil
    }

    /// As the file's provenance has it: q4, or bits-5.35.
    private func recipeName(_ preset: QuantizePreset) -> String {
        targetBits.map { "bits-\($0)" } ?? preset.rawValue
    }

    /// models/danube/ and q4 give danube-q4.ister.
    static func defaultOutput(checkpoint: String, name recipe: String) -> String {
        var name = String(checkpoint.split(separator: "/").last ?? "model")
        if name.hasSuffix(".gguf") { name.removeLast(5) }
        if name.isEmpty || name == "." || name == ".." { name = "model" }
        return "\(name)-\(recipe).ister"
    }

    /// A conversion that a signal ends leaves nothing behind. What one that is killed leaves, the next run removes.
    private static func removeTemporaryFiles(of target: String) {
        TemporaryFile.removeOwn(target: target)
        SourceModel.removeOwn(output: target)
    }
}
