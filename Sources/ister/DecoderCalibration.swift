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
    private var opened: Opened?
    /// Where the next pass can begin; 0 for the embedding.
    private var keptLayer = 0

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
        sites: Set<CalibrationSite>, next: CalibrationSite?,
        _ body: (CalibrationBatch) throws(QuantizerError) -> Void
    ) throws(QuantizerError) {
        let opened = try open()
        let (layers, kept) = span(of: sites, next: next, layerCount: opened.decoder.shape.layerCount)
        let inputs = Inputs(sites: sites, residual: kept)
        unsafe opened.decoder.observer = { site, rows, count, stride, width in
            unsafe inputs.see(site, rows, count, stride, width)
        }
        defer { unsafe opened.decoder.observer = nil }
        keptLayer = 0
        var done = 0
        for chunk in (text?.chunks ?? []) + opened.own {
            opened.decoder.reset(sequence: 0)
            for start in stride(from: 0, to: chunk.count, by: Self.batchRows) {
                let tokens = Array(chunk[start..<min(start + Self.batchRows, chunk.count)])
                let logits: LogitSelection = sites.contains(.head) ? .all : .none
                try forward(TokenSlice(sequence: 0, tokens: tokens, logits: logits), layers, opened, done: done)
                if kept != nil {
                    let index = done * opened.decoder.shape.hiddenWidth
                    try reportingFile { () throws(ModelFileError) in
                        try opened.residuals.write(inputs.takeResidual(), at: index)
                    }
                }
                done += tokens.count
                try body(CalibrationBatch(inputs: inputs.take(), tokensDone: done))
            }
        }
        keptLayer = kept ?? 0
    }

    /// The layers that a pass runs, and the one before which it keeps the residual stream for the next pass.
    private func span(
        of sites: Set<CalibrationSite>, next: CalibrationSite?, layerCount: Int
    ) -> (layers: Range<Int>, kept: Int?) {
        let needed = sites.map { $0.layer ?? layerCount }
        let begin = keptLayer <= needed.min() ?? 0 ? keptLayer : 0
        let kept = next.map { $0.layer ?? layerCount }.flatMap { $0 >= begin ? $0 : nil }
        let end = min(max((needed.max() ?? 0) + 1, kept ?? 0), layerCount)
        return (begin..<end, kept)
    }

    /// done: tokens before these.
    private func forward(
        _ slice: TokenSlice, _ layers: Range<Int>, _ opened: Opened, done: Int
    ) throws(QuantizerError) {
        let width = opened.decoder.shape.hiddenWidth
        var rows: [Float] = []
        if layers.lowerBound > 0 {
            rows = try reportingFile { () throws(ModelFileError) in
                try opened.residuals.read(count: slice.tokens.count * width, at: done * width)
            }
        }
        try running { () throws(DecoderError) in
            try opened.decoder.forward([slice], layers: layers, residuals: rows)
        }
    }

    private func open() throws(QuantizerError) -> Opened {
        if let opened { return opened }
        let model = try makeModel()
        let length = CalibrationText.chunkTokens
        let own = ownChunks == 0 ? [] : try model.ownText(ownChunks, length: length) { progress($0, ownTokenCount) }
        let made = Opened(
            decoder: try model.decoder(contextLength: length, batchRows: Self.batchRows), own: own,
            residuals: try model.scratch(
                count: (textTokenCount + ownTokenCount) * model.file.header.shape.hiddenWidth))
        opened = made
        return made
    }

    private struct Opened {
        let decoder: Decoder
        let own: [[Int32]]
        /// [tokens of a pass][hiddenWidth]: the residual stream before `keptLayer`.
        let residuals: ScratchFile
    }

    /// Inputs of one forward call, copied while it runs.
    private final class Inputs {
        private let sites: Set<CalibrationSite>
        private let residualLayer: Int?
        private var values: [CalibrationSite: [Float]] = [:]
        private var residual: [Float] = []

        /// residual: the layer before which the residual stream is wanted as well.
        init(sites: Set<CalibrationSite>, residual: Int?) {
            self.sites = sites
            residualLayer = residual
        }

        func see(
            _ site: ActivationSite, _ rows: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ width: Int
        ) {
            if case .residual(let layer) = site {
                if layer == residualLayer { unsafe Self.append(rows, count, stride, width, to: &residual) }
            } else if let site = CalibrationSite(site), sites.contains(site) {
                unsafe Self.append(rows, count, stride, width, to: &values[site, default: []])
            }
        }

        private static func append(
            _ rows: UnsafePointer<Float>, _ count: Int, _ stride: Int, _ width: Int, to values: inout [Float]
        ) {
            values.reserveCapacity(values.count + count * width)
            for row in 0..<count {
                unsafe values.append(contentsOf: UnsafeBufferPointer(start: rows + row * stride, count: width))
            }
        }

        func take() -> [CalibrationSite: [Float]] {
            defer { values = [:] }
            return values
        }

        func takeResidual() -> [Float] {
            defer { residual = [] }
            return residual
        }
    }
}

extension CalibrationSite {
    /// nil where no matrix reads.
    init?(_ site: ActivationSite) {
        switch site {
        case .residual: return nil
        case .attention(let layer): self = .attention(layer: layer)
        case .output(let layer): self = .output(layer: layer)
        case .feedForward(let layer): self = .feedForward(layer: layer)
        case .down(let layer): self = .down(layer: layer)
        case .head: self = .head
        }
    }
}

private func reportingFile<Value>(_ body: () throws(ModelFileError) -> Value) throws(QuantizerError) -> Value {
    do { return try body() } catch { throw .modelFile(error) }
}
