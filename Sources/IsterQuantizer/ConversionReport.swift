public import IsterModelFile

/// How far a conversion is.
public struct ConversionProgress: Equatable, Sendable {
    public enum Stage: Equatable, Sendable {
        case hashing
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
    /// What the user should know though the conversion went well.
    public let warnings: [String]
}
