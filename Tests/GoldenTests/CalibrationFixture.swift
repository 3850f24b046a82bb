import IsterDecoder
import IsterModelFile
import IsterQuantizer

/// A calibration source over a committed checkpoint in floats. Its text is the fixture's reference ids.
final class DecoderSource: CalibrationSource {
    let textDigest: String? = String(repeating: "ab", count: 32)
    let textTokenCount: Int
    let ownTokenCount = 0
    /// Changes the inputs of a site before they are handed over.
    var corrupt: (CalibrationSite, inout [Float]) -> Void = { _, _ in }
    private(set) var passCount = 0
    /// What each pass was told of the one after it.
    private(set) var announced: [CalibrationSite?] = []
    private let model: ConvertedModel
    private let ids: [Int32]

    init(_ name: String) throws {
        model = try ConvertedModel(name, .f32)
        let all = try Reference(fixture: name)
        ids = all.inputIDs + all.greedyContinuation
        textTokenCount = ids.count
    }

    func run(
        sites: Set<CalibrationSite>, next: CalibrationSite?,
        _ body: (CalibrationBatch) throws(QuantizerError) -> Void
    ) throws(QuantizerError) {
        passCount += 1
        announced.append(next)
        var inputs: [CalibrationSite: [Float]] = [:]
        do {
            let decoder = try model.decoder()
            unsafe decoder.observer = { site, rows, count, stride, width in
                guard let site = CalibrationSite(site), sites.contains(site) else { return }
                for row in 0..<count {
                    unsafe inputs[site, default: []] += UnsafeBufferPointer(start: rows + row * stride, count: width)
                }
            }
            try decoder.forward([TokenSlice(sequence: 0, tokens: ids, logits: .all)])
        } catch {
            throw .calibration(.model(reason: "\(error)"))
        }
        for site in inputs.keys { corrupt(site, &inputs[site, default: []]) }
        try body(CalibrationBatch(inputs: inputs, tokensDone: ids.count))
    }
}

extension CalibrationSite {
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
