import IsterDecoder
import IsterModelFile
import IsterQuantizer

/// Runs calibration texts through an 8-bit model of the checkpoint: one that is given, one that the model writes by
/// itself, or both. The model is made when it is first needed.
final class DecoderCalibration: CalibrationSource {
    /// Rows of one forward call, which bounds the memory for inputs.
    private static let batchRows = 256

    private let text: CalibrationText?
    private let ownChunks: Int
    private let makeModel: () throws(QuantizerError) -> SourceModel
    private let progress: (_ done: Int, _ total: Int) -> Void
    private var opened: (decoder: Decoder, own: [[Int32]])?

    var textDigest: String? { text?.digest }
    var textTokenCount: Int { (text?.chunks.count ?? 0) * CalibrationText.chunkTokens }
    var ownTokenCount: Int { ownChunks * CalibrationText.chunkTokens }

    /// progress: gets the tokens of own text while they are written.
    init(
        text: CalibrationText?, ownTokens: Int, progress: @escaping (Int, Int) -> Void,
        model: @escaping () throws(QuantizerError) -> SourceModel
    ) {
        self.text = text
        self.progress = progress
        ownChunks = ownTokens / CalibrationText.chunkTokens
        makeModel = model
    }

    func run(
        sites: Set<CalibrationSite>, _ body: (CalibrationBatch) throws(QuantizerError) -> Void
    ) throws(QuantizerError) {
        let (decoder, own) = try open()
        let inputs = Inputs()
        unsafe decoder.observer = { site, rows, count, stride, width in
            let site = CalibrationSite(site)
            if sites.contains(site) { unsafe inputs.append(site, rows, count, stride, width) }
        }
        defer { unsafe decoder.observer = nil }
        var done = 0
        for chunk in (text?.chunks ?? []) + own {
            decoder.reset(sequence: 0)
            for start in stride(from: 0, to: chunk.count, by: Self.batchRows) {
                let tokens = Array(chunk[start..<min(start + Self.batchRows, chunk.count)])
                try running { () throws(DecoderError) in
                    let logits: LogitSelection = sites.contains(.head) ? .all : .none
                    try decoder.forward([TokenSlice(sequence: 0, tokens: tokens, logits: logits)])
                }
                done += tokens.count
                try body(CalibrationBatch(inputs: inputs.take(), tokensDone: done))
            }
        }
    }

    private func open() throws(QuantizerError) -> (decoder: Decoder, own: [[Int32]]) {
        if let opened { return opened }
        let model = try makeModel()
        let length = CalibrationText.chunkTokens
        let own = ownChunks == 0 ? [] : try model.ownText(ownChunks, length: length) { progress($0, ownTokenCount) }
        let made = (decoder: try model.decoder(contextLength: length, batchRows: Self.batchRows), own: own)
        opened = made
        return made
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
