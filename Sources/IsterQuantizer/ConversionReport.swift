public import IsterModelFile

/// How far a conversion is.
public struct ConversionProgress: Equatable, Sendable {
    public enum Stage: Equatable, Sendable {
        case hashing
        /// The calibration text runs through the model; bytes stand still meanwhile.
        case calibrating(pass: Int, of: Int, tokensDone: Int, tokensTotal: Int)
        case converting(tensor: String)
        /// All is written; the file is read back from the disk.
        case proving
    }

    public var stage: Stage
    /// Weight bytes of the checkpoint that are converted.
    public var bytesDone: Int
    public var bytesTotal: Int
}

/// What a conversion made.
public struct ConversionReport: Sendable {
    /// Path of the model file.
    public let output: String
    public let fileBytes: Int
    /// The header as it stands in the file.
    public let header: ModelHeader
    /// Bits a weight over all matrices, padding and scales included.
    public let bitsPerWeight: Double
    /// Over all matrices: sum of (stored - source)^2 over sum of source^2.
    public let relativeSquaredError: Double
    /// nil without error feedback.
    public let feedback: FeedbackGain?
    /// What the user should know though the conversion went well.
    public let warnings: [String]
}

/// What error feedback gained on the calibration text's inputs, the mean over all matrices that had it.
public struct FeedbackGain: Equatable, Sendable {
    /// Squared error of the products by their squares, when each weight is rounded by itself.
    public let plainError: Double
    /// The same for what is stored.
    public let storedError: Double

    /// nil when no matrix had feedback.
    init?(_ sums: [PanelPacking.ErrorSums]) {
        let ratios = sums.filter { $0.outputSum > 0 }.map {
            (plain: $0.plainOutputError / $0.outputSum, stored: $0.outputError / $0.outputSum)
        }
        if ratios.isEmpty { return nil }
        plainError = ratios.reduce(0) { $0 + $1.plain } / Double(ratios.count)
        storedError = ratios.reduce(0) { $0 + $1.stored } / Double(ratios.count)
    }
}
