/// Why a model cannot be decoded or a forward call was refused. A refused call changes no sequence.
public enum DecoderError: Error, Equatable, CustomStringConvertible {
    case missingTensor(name: String)
    case unsupported(what: String, found: String)
    case outOfMemory(what: String, bytes: Int)
    /// The system starts no more threads for this process: its memory, or a limit on their number.
    case threadsRefused(count: Int)
    case instructionSetUnavailable(name: String, available: [String])
    case invalidOption(name: String, found: Int, needed: String)
    case sequenceOutOfRange(found: Int, count: Int)
    case tokenOutOfRange(found: Int32, vocabularySize: Int)
    case contextFull(needed: Int, contextLength: Int)
    case batchTooLarge(rows: Int, batchRows: Int)
    case repeatedSequence(sequence: Int)
    /// Blocks were named, but each sequence owns its room.
    case cacheNotPaged
    case blockOutOfRange(found: Int32, count: Int)
    case tableOutOfRange(from: Int, count: Int, length: Int)
    case blockNotAssigned(sequence: Int, position: Int)
    /// An activation or a logit left the range of floats: the weights or the file are damaged.
    case notFinite
    /// The model file shrank, or its disk failed, while it was in use (`ModelFile.guardMapping`).
    case fileChanged

    public var description: String {
        switch self {
        case .missingTensor(let name): "tensor \"\(name)\" is missing"
        case .unsupported(let what, let found): "\(what) \"\(found)\" is not supported"
        case .outOfMemory(let what, let bytes): "no memory for \(what): \(bytes) bytes needed"
        case .threadsRefused(let count):
            "the system refuses a thread team of \(count): a limit on threads, or no memory"
        case .instructionSetUnavailable(let name, let available):
            "instruction set \"\(name)\" is not available here, only \(available.joined(separator: ", "))"
        case .invalidOption(let name, let found, let needed): "\(name) is \(found), needed \(needed)"
        case .sequenceOutOfRange(let found, let count): "sequence \(found) does not exist, there are \(count)"
        case .tokenOutOfRange(let found, let size): "token id \(found) is outside the vocabulary of \(size)"
        case .contextFull(let needed, let length): "\(needed) positions needed, the context holds \(length)"
        case .batchTooLarge(let rows, let most): "\(rows) tokens in one call, at most \(most)"
        case .repeatedSequence(let sequence): "sequence \(sequence) appears twice in one call"
        case .cacheNotPaged: "the cache has no blocks to assign: set a cache block count"
        case .blockOutOfRange(let found, let count): "cache block \(found) does not exist, there are \(count)"
        case .tableOutOfRange(let from, let count, let length):
            "\(count) cache table entries from \(from) on do not exist, a sequence has \(length)"
        case .blockNotAssigned(let sequence, let position):
            "position \(position) of sequence \(sequence) has no cache block"
        case .notFinite: "an activation is not finite: the weights are damaged"
        case .fileChanged: "the model file changed while it was in use"
        }
    }
}
