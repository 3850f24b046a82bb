public import ArgumentParser
import Glibc
import IsterCheckpoint
import IsterDecoder
import IsterModelFile
public import IsterQuantizer
import IsterTokenizer

/// `--calibrate FILE` and what belongs to it.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibrate"),
        help: "A text like those that the model will meet: 4-bit weights are rounded so that its products stay right.")
    var text: String?
    @Option(help: "Most tokens of the text that are used.") var calibrationTokens = 65536
    @Option(help: "importance: weighs errors by column. feedback: carries them on, better and slower.")
    var calibrationMethod = CalibrationMethod.feedback

    func validate() throws {
        guard (CalibrationText.chunkTokens...1 << 24).contains(calibrationTokens) else {
            throw ValidationError(
                "--calibration-tokens is \(calibrationTokens); it must be \(CalibrationText.chunkTokens) to \(1 << 24)")
        }
    }

    /// nil when no text is given. output: where the model file will be; a temporary model stands beside it for a moment.
    func calibration(checkpoint: String, output: String, threads: Int) throws(Failure) -> Calibration? {
        guard let text else { return nil }
        let tokens = try CalibrationText(path: text, checkpoint: checkpoint, limit: calibrationTokens)
        let source = DecoderCalibration(text: tokens, checkpoint: checkpoint, output: output, threads: threads)
        return Calibration(source: source, method: calibrationMethod)
    }
}

extension CalibrationMethod: ExpressibleByArgument {}

/// The tokens of a calibration text in chunks of equal length.
struct CalibrationText {
    static let chunkTokens = 512

    let digest: String
    /// [chunks][chunkTokens]
    let chunks: [[Int32]]

    /// Cuts the text as `eval` does: one chunk after the other, the first token of each replaced by the beginning of a
    /// text where the vocabulary wants one. With more text than `limit` chunks are taken from all of it, evenly.
    init(path: String, checkpoint: String, limit: Int) throws(Failure) {
        let bytes = try InputFile.read(path)
        if bytes.allSatisfy({ $0 <= 32 }) { throw Self.failure(.emptyText(path: path)) }
        let tokenizer = try TokenizerSource.open(checkpoint)
        let tokens = tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)
        let all = tokens.count / Self.chunkTokens
        if all == 0 {
            throw Self.failure(.textTooShort(path: path, tokens: tokens.count, needed: Self.chunkTokens))
        }
        let count = min(all, limit / Self.chunkTokens)
        let first = tokenizer.vocabulary.addsBOS ? tokenizer.bosID : nil
        digest = ister.digest(bytes)
        chunks = (0..<count).map { index in
            let start = index * all / count * Self.chunkTokens
            var chunk = Array(tokens[start..<start + Self.chunkTokens])
            if let first { chunk[0] = first }
            return chunk
        }
    }

    private static func failure(_ error: CalibrationError) -> Failure { Failure(.badData, error.description) }
}

/// Runs a calibration text through an 8-bit model of the checkpoint. The model file is made when it is first needed and
/// has no name while it is used, so nothing is left whatever happens.
final class DecoderCalibration: CalibrationSource {
    /// Rows of one forward call, which bounds the memory for inputs.
    private static let batchRows = 256

    private let text: CalibrationText
    private let checkpoint: String
    private let path: String
    private let threads: Int
    private var decoder: Decoder?

    var textDigest: String { text.digest }
    var tokenCount: Int { text.chunks.count * CalibrationText.chunkTokens }

    init(text: CalibrationText, checkpoint: String, output: String, threads: Int) {
        self.text = text
        self.checkpoint = checkpoint
        self.threads = threads
        path = Self.path(output: output)
    }

    static func path(output: String) -> String { "\(output).calibration-\(getpid())" }

    func run(
        sites: Set<CalibrationSite>, _ body: (CalibrationBatch) throws(QuantizerError) -> Void
    ) throws(QuantizerError) {
        let decoder = try openDecoder()
        let inputs = Inputs()
        unsafe decoder.observer = { site, rows, count, stride, width in
            let site = CalibrationSite(site)
            if sites.contains(site) { unsafe inputs.append(site, rows, count, stride, width) }
        }
        defer { unsafe decoder.observer = nil }
        var done = 0
        for chunk in text.chunks {
            decoder.reset(sequence: 0)
            for start in stride(from: 0, to: chunk.count, by: Self.batchRows) {
                let tokens = Array(chunk[start..<min(start + Self.batchRows, chunk.count)])
                do throws(DecoderError) {
                    let logits: LogitSelection = sites.contains(.head) ? .all : .none
                    try decoder.forward([TokenSlice(sequence: 0, tokens: tokens, logits: logits)])
                } catch {
                    throw .calibration(.model(reason: error.description))
                }
                done += tokens.count
                try body(CalibrationBatch(inputs: inputs.take(), tokensDone: done))
            }
        }
    }

    private func makeFile() throws(QuantizerError) -> ModelFile {
        defer { _ = unsafe unlink(path) }
        try Conversion(source: checkpoint, output: path, preset: .q8, threads: threads, replacing: true).run()
        do { return try ModelFile.open(path: path) } catch { throw .modelFile(error) }
    }

    private func openDecoder() throws(QuantizerError) -> Decoder {
        if let decoder { return decoder }
        let file = try makeFile()
        var options = DecoderOptions()
        options.contextLength = CalibrationText.chunkTokens
        options.batchRows = Self.batchRows
        options.threads = threads
        do throws(DecoderError) {
            let made = try Decoder(file, options: options)
            decoder = made
            return made
        } catch {
            throw .calibration(.model(reason: error.description))
        }
    }

    /// Inputs of one forward call, copied while it runs.
    private final class Inputs {
        private var values: [CalibrationSite: [Float]] = [:]

        func append(
            _ site: CalibrationSite, _ rows: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ width: Int
        ) {
            values[site, default: []].reserveCapacity(count * width)
            for row in 0..<count {
                let source = unsafe UnsafeBufferPointer(start: rows + row * stride, count: width)
                unsafe values[site, default: []].append(contentsOf: source)
            }
        }

        func take() -> [CalibrationSite: [Float]] {
            defer { values = [:] }
            return values
        }
    }
}

extension CalibrationSite {
    init(_ site: ActivationSite) {
        switch site {
        case .attention(let layer): self = .attention(layer: layer)
        case .output(let layer): self = .output(layer: layer)
        case .feedForward(let layer): self = .feedForward(layer: layer)
        case .down(let layer): self = .down(layer: layer)
        case .head: self = .head
        }
    }
}

/// Says how long the calibration will take, from what it took so far.
final class CalibrationClock {
    private var start: ContinuousClock.Instant?

    func label(pass: Int, of count: Int, _ done: Int, _ total: Int) -> String {
        let now = ContinuousClock.now
        if pass == 1, done == 0 { start = now }
        guard let start, total > 0 else { return "calibration" }
        let share = (Double(pass - 1) + Double(done) / Double(total)) / Double(count)
        let seconds = start.duration(to: now) / .seconds(1)
        let left = share > 0 ? decimals(seconds * (1 / share - 1), 0) + " s left" : "starting"
        return "calibration, pass \(pass) of \(count), \(left)"
    }
}
