import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer

/// Measures how much a model minds errors in its matrices: group by group they get three times the error of 4-bit
/// rounding, and the divergence from the 8-bit model is taken.
struct SensitivityMeasurement {
    /// Groups that a role's matrices are cut into along the layers.
    private static let bands = 8
    private static let enlargement: Float = 3
    private static let windowTokens = 256
    /// Of each kind of text.
    private static let windowCount = 3

    private let model: SourceModel
    private let probe: RoundingProbe
    private let windows: TextWindows

    /// text: chunks of a calibration text; the model's own text is used beside it, or alone.
    init(_ model: SourceModel, checkpoint: String, text: CalibrationText?) throws(Failure) {
        self.model = model
        let threads = model.threads
        let length = Self.windowTokens
        (probe, windows) = try reporting(checkpoint) {
            var chunks = try model.ownText(Self.windowCount, length: length)
            if let given = text?.chunks {
                let count = min(Self.windowCount, given.count)
                chunks += (0..<count).map { Array(given[$0 * given.count / count].prefix(length)) }
            }
            return (
                try RoundingProbe(checkpoint: checkpoint, threads: threads),
                try TextWindows(tokens: chunks.flatMap { $0 }, contextLength: length, firstToken: nil)
            )
        }
    }

    func run(progress: (_ done: Int, _ total: Int) -> Void) throws(Failure) -> [Sensitivity] {
        try evaluating(model.file.path) {
            let decoder = try model.decoder(contextLength: Self.windowTokens, batchRows: Self.windowTokens)
            let reference = try StoredReference(decoder, windows)
            let groups = Sensitivity.groups(model.file.header.shape, bands: Self.bands)
            return try groups.enumerated().map { index, tensors in
                progress(index, groups.count)
                for tensor in tensors {
                    try model.replace(tensor.name, with: probe.panels(of: tensor, enlargement: Self.enlargement))
                }
                let loss = try reference.meanDivergence(of: decoder)
                for tensor in tensors {
                    try model.replace(tensor.name, with: probe.panels(of: tensor, enlargement: 0))
                }
                return Sensitivity(tensors: tensors, loss: loss)
            }
        }
    }
}
