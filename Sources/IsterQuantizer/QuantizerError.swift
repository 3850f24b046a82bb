public import IsterCheckpoint
public import IsterModelFile

/// Why a conversion failed. The output path is untouched but where the sync of its folder failed: the new file then has
/// its name.
public enum QuantizerError: Error, Equatable, Sendable, CustomStringConvertible {
    case checkpoint(CheckpointError)
    case modelFile(ModelFileError)
    /// Ids that have no row in the embedding could be encoded but not run.
    case vocabularyTooLarge(path: String, pieces: Int, embeddingRows: Int)
    /// The checkpoint and the model file disagree on what a model of this configuration holds.
    case tensorMismatch(path: String, tensor: String, found: String, needed: String)
    case calibration(CalibrationError)
    /// Error feedback would take more bytes than the machine has left.
    case calibrationMemory(needed: Int, available: Int)
    /// The mean divergence from the source, in nats, is above the given limit.
    case tooFarFromSource(found: Double, limit: Double)
    /// A model that a file is compared with was not made from the same bytes; SHA-256, nil for no such file.
    case sourceChanged(file: String, converted: String?, compared: String?)
    /// A format's 16-bit scales do not reach a tensor's weights: they are too small or too large.
    case weightsOutOfRange(path: String, tensor: String, relativeSquaredError: Double)
    /// Not even the smallest formats make the file that small.
    case targetTooSmall(bitsPerWeight: Double, smallest: Double)

    public var description: String {
        switch self {
        case .checkpoint(let error): "\(error)"
        case .modelFile(let error): "\(error)"
        case .calibration(let error): "\(error)"
        case .calibrationMemory(let needed, let available):
            "calibration with error feedback takes \(needed) bytes of memory, \(available) are available; "
                + "--calibration-method importance takes few"
        case .tooFarFromSource(let found, let limit):
            "the divergence from the source is \(found), at most \(limit) is allowed; no file was made"
        case .sourceChanged(let file, let converted, let compared):
            "\(file) of the source changed: sha256 \(converted?.prefix(16) ?? "none") was converted, "
                + "\(compared?.prefix(16) ?? "none") is what the result would be compared with"
        case .weightsOutOfRange(let path, let tensor, let error):
            "\(path): tensor \"\(tensor)\": its weights are too small or too large for 16-bit scales (relative squared "
                + "error \(error)); preset q8g256 has scales that reach them"
        case .targetTooSmall(let target, let smallest):
            "\(target) bits per weight are too few, the smallest file has \(smallest)"
        case .vocabularyTooLarge(let path, let pieces, let rows):
            "\(path): the vocabulary has \(pieces) pieces, but the embedding only \(rows) rows"
        case .tensorMismatch(let path, let tensor, let found, let needed):
            "\(path): tensor \"\(tensor)\": found \(found), needed \(needed)"
        }
    }
}

/// An error of the checkpoint as an error of the conversion.
func reading<Value>(_ step: @autoclosure () throws(CheckpointError) -> Value) throws(QuantizerError) -> Value {
    do { return try step() } catch { throw .checkpoint(error) }
}

/// An error of the model file as an error of the conversion.
func writing<Value>(_ step: @autoclosure () throws(ModelFileError) -> Value) throws(QuantizerError) -> Value {
    do { return try step() } catch { throw .modelFile(error) }
}
