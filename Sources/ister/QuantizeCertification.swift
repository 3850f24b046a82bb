import ArgumentParser
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// `--certify FILE` and what belongs to it.
struct CertificationOptions: ParsableArguments {
    @Option(
        name: .customLong("certify"),
        help: """
            A text on which the file is compared with its source; the result goes into the file. By default the end of \
            the text of --calibrate, which is then kept from the calibration.
            """)
    var text: String?
    @Flag(help: "Compares nothing and calibrates on the whole text.") var noCertify = false
    @Option(help: "Most windows of 512 tokens of that text. (default: \(Self.chunksByDefault))")
    var certifyChunks: Int?
    @Option(
        name: .customLong("max-kld"),
        help: "Makes no file whose mean divergence from the source on that text is larger, in nats.")
    var maximumDivergence: Double?

    func validate() throws {
        if let certifyChunks, !(1...1 << 20).contains(certifyChunks) {
            throw ValidationError("--certify-chunks is \(certifyChunks); it must be 1 to \(1 << 20)")
        }
        if noCertify, text != nil { throw ValidationError("Give either --certify or --no-certify.") }
        if noCertify, certifyChunks != nil {
            throw ValidationError("--certify-chunks does not go with --no-certify.")
        }
        guard let maximumDivergence else { return }
        if noCertify { throw ValidationError("--max-kld does not go with --no-certify.") }
        guard maximumDivergence >= 0 else {
            throw ValidationError("--max-kld is \(maximumDivergence); it must be 0 or more")
        }
    }

    /// An option that was given and means something only for a file that is made; nil without one.
    var optionOfMadeFiles: String? {
        if text != nil { return "--certify" }
        if certifyChunks != nil { return "--certify-chunks" }
        return maximumDivergence == nil ? nil : "--max-kld"
    }

    /// Most windows of a calibration text that the certificate is measured on.
    var heldOutWindows: Int { noCertify || text != nil ? 0 : mostWindows }

    private static let chunksByDefault = 16
    private var mostWindows: Int { certifyChunks ?? Self.chunksByDefault }

    /// Why a file has no certificate, with a leading space; nil when it has one or none was wanted.
    func absence(_ calibration: CalibrationText?, _ report: ConversionReport) -> String? {
        if noCertify || report.header.certificate?.quality != nil { return nil }
        return calibration == nil ? "" : " (the calibration text is too short to hold a part out)"
    }

    /// nil when nothing is asked for or can be measured. calibration: its text may have a part for this. The text is
    /// read and cut at once, so that a bad one is refused before the work.
    /// measurement: on these windows.
    func certification(
        checkpoint: String, calibration: CalibrationText?,
        measurement: (_ windows: TextWindows, _ textDigest: String, _ firstWindow: Int?) -> DivergenceMeasurement
    ) throws(Failure) -> Certification? {
        guard let text else {
            if let calibration, let held = calibration.heldOut {
                return Certification(
                    measurement: measurement(held.windows, calibration.digest, held.firstWindow),
                    maximumDivergence: maximumDivergence)
            }
            if maximumDivergence == nil { return nil }
            throw Failure(
                .usage, "--max-kld: the calibration text is too short to hold a part out; give --certify TEXT")
        }
        let bytes = try InputFile.readText(text)
        let tokenizer = try TokenizerSource.open(checkpoint)
        let windows = try evaluating(text) {
            try TextWindows(text: bytes, tokenizer: tokenizer, contextLength: 512, limit: mostWindows)
        }
        return Certification(
            measurement: measurement(windows, digest(bytes), nil), maximumDivergence: maximumDivergence)
    }
}

/// Runs a file beside the floats of its source.
final class DivergenceMeasurement: QualityMeasurement {
    private let windows: TextWindows
    private let textDigest: String
    private let firstWindow: Int?
    private let progress: (Int, Int) -> Void
    private let source: () throws(QuantizerError) -> SourceModel

    init(
        windows: TextWindows, textDigest: String, firstWindow: Int?, progress: @escaping (Int, Int) -> Void,
        source: @escaping () throws(QuantizerError) -> SourceModel
    ) {
        self.windows = windows
        self.textDigest = textDigest
        self.firstWindow = firstWindow
        self.progress = progress
        self.source = source
    }

    func quality(of file: ModelFile) throws(QuantizerError) -> ModelHeader.Quality {
        progress(0, windows.count)
        let source = try source()
        try source.requireSameSource(as: file)
        do {
            let length = windows.contextLength
            let evaluation = try DivergenceEvaluation(
                candidate: .forEvaluation(file, contextLength: length, threads: source.threads),
                reference: .forEvaluation(source.file, contextLength: length, threads: source.threads),
                windows: windows)
            let statistics = try evaluation.run { done, _ in progress(done, windows.count) }
            return quality(statistics)
        } catch {
            throw QuantizerError(running: error)
        }
    }

    private func quality(_ statistics: DivergenceStatistics) -> ModelHeader.Quality {
        func pair(_ value: MeasuredValue) -> (value: Double, error: Double) { (value.value, value.error) }
        return ModelHeader.Quality(
            sha256: textDigest, contextLength: windows.contextLength, windows: windows.count,
            positions: statistics.count, firstWindow: firstWindow, meanDivergence: pair(statistics.meanDivergence),
            perplexity: statistics.candidate.perplexity.value,
            sourcePerplexity: statistics.reference.perplexity.value, perplexityRatio: pair(statistics.ratio),
            sameTop: pair(statistics.sameTop))
    }
}

extension ModelHeader.Quality {
    /// For a person. calibration: what the file was calibrated with.
    func lines(_ calibration: Provenance.Calibration?) -> [String] {
        [
            "against the source's floats, on \(positions) tokens of text \(sha256.prefix(16))…\(place(calibration)):",
            "  mean divergence \(meanDivergence) ± \(meanDivergenceError) nats",
            "  perplexity \(perplexity), source \(sourcePerplexity), ratio \(perplexityRatio) ± \(perplexityRatioError)",
            "  same top token \(decimals(sameTop * 100, 2)) ± \(decimals(sameTopError * 100, 2)) %",
        ]
    }

    private func place(_ calibration: Provenance.Calibration?) -> String {
        if let firstWindow {
            return " (windows \(firstWindow) to \(firstWindow + windows - 1), which the calibration was not given)"
        }
        return calibration?.sha256 == sha256 ? " (the text of the calibration itself, so it flatters)" : ""
    }

    var json: JSONText {
        .object([
            ("text_sha256", .string(sha256)), ("context", .integer(contextLength)), ("chunks", .integer(windows)),
            ("first_chunk", .integer(firstWindow ?? 0)), ("held_out", .bool(firstWindow != nil)),
            ("scored_tokens", .integer(positions)), ("kld", .number(meanDivergence)),
            ("kld_error", .number(meanDivergenceError)), ("perplexity", .number(perplexity)),
            ("source_perplexity", .number(sourcePerplexity)), ("ratio", .number(perplexityRatio)),
            ("ratio_error", .number(perplexityRatioError)), ("same_top", .number(sameTop)),
            ("same_top_error", .number(sameTopError)),
        ])
    }
}
