internal import IsterModelFile

/// A result in the making. It appears under its name, in place of an earlier one, when it is complete; until then it is
/// a temporary file beside it, which goes with this object.
final class EvaluationOutput {
    private let temporary: TemporaryFile
    private let path: String
    private var length = 0

    /// inputs: files that the result must not replace. plannedBytes: for messages.
    init(_ path: String, inputs: [String], plannedBytes: Int) throws(EvaluationError) {
        try Self.check(path, inputs: inputs)
        self.path = path
        temporary = try Self.writing { () throws(ModelFileError) in
            try TemporaryFile(target: path, plannedBytes: plannedBytes)
        }
    }

    /// Refuses a path that is one of `inputs`, however it is spelled, and what is no regular file.
    static func check(_ path: String, inputs: [String]) throws(EvaluationError) {
        try writing { () throws(ModelFileError) in
            try OutputCheck.check(path, replacing: true, inputs: inputs)
        }
    }

    /// Refuses a path where no new file can be made.
    static func requireRoom(_ path: String) throws(EvaluationError) {
        try writing { () throws(ModelFileError) in try OutputCheck.requireRoomForFile(path) }
    }

    func append(_ bytes: [UInt8]) throws(EvaluationError) {
        try Self.writing { () throws(ModelFileError) in try temporary.file.write(bytes, at: length) }
        length += bytes.count
    }

    /// Everything is on the disk, then the file gets its name.
    func publish() throws(EvaluationError) {
        try Self.writing { () throws(ModelFileError) in
            try temporary.file.synchronize()
            try temporary.commit(replacing: true)
        }
    }

    private static func writing<Value>(_ body: () throws(ModelFileError) -> Value) throws(EvaluationError) -> Value {
        do { return try body() } catch { throw .output(error) }
    }
}
