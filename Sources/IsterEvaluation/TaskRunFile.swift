public import IsterModelFile

/// A file of JSON lines that holds a run: first the model, then for each suite its data, and a line an item, written
/// when the item is done, so that an interrupted run can go on.
public final class TaskRunFile {
    public let model: RunModel
    /// Suites by name.
    public private(set) var suites: [String: RunSuite] = [:]
    private var outcomes: [Key: TaskOutcome] = [:]
    private let path: String
    private let file: EvaluationFile?

    private struct Key: Hashable {
        var suite: String
        var id: String
    }

    private struct Line: Codable {
        var model: RunModel?
        var suite: RunSuite?
        var item: TaskOutcome?
    }

    /// Reads a run, for comparison.
    public convenience init(reading path: String) throws(EvaluationError) {
        let bytes = try Self.bytes(of: EvaluationFile(reading: path))
        try self.init(path, file: nil, lines: bytes, isEmpty: bytes.isEmpty, model: nil)
    }

    /// Continues the run at `path`, or starts it. A line that was cut short by an interruption is dropped, when the
    /// lines before it have shown that this is a run of the model and no other file.
    public convenience init(extending path: String, model: RunModel) throws(EvaluationError) {
        let file = try EvaluationFile(extending: path)
        let bytes = try Self.bytes(of: file)
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        try self.init(path, file: file, lines: Array(bytes[..<end]), isEmpty: bytes.isEmpty, model: model)
        if end < bytes.count { try file.truncate(to: end) }
        if bytes.isEmpty { try append(Line(model: model)) }
    }

    /// The answers to all known suites take less than a tenth of this.
    static let byteLimit = 1 << 28

    private static func bytes(of file: EvaluationFile) throws(EvaluationError) -> [UInt8] {
        let length = try file.length()
        guard length <= byteLimit else {
            throw .run(path: file.path, line: 1, reason: "\(length) bytes; at most \(byteLimit) are read")
        }
        return try file.read(at: 0, count: length)
    }

    /// Holds a run in memory only.
    public init(model: RunModel) {
        self.model = model
        path = ""
        file = nil
    }

    /// lines: whole ones. isEmpty: the file has no bytes at all.
    /// model: whose run it must be, also that of a new one; nil when the file says it.
    private init(
        _ path: String, file: EvaluationFile?, lines: [UInt8], isEmpty: Bool, model: RunModel?
    ) throws(EvaluationError) {
        var stored: RunModel?
        var suites: [String: RunSuite] = [:]
        var outcomes: [Key: TaskOutcome] = [:]
        for line in JSONLines.split(lines) {
            do throws(JSONLines.Defect) {
                let value = try JSONLines.decode(Line.self, line.bytes)
                if let model = value.model, stored == nil {
                    stored = model
                } else if stored == nil {
                    throw JSONLines.Defect(reason: "no run file: its first line does not name a model")
                } else if let suite = value.suite {
                    suites[suite.name] = suite
                } else if let item = value.item {
                    outcomes[Key(suite: item.suite, id: item.id)] = item
                } else {
                    throw JSONLines.Defect(reason: "neither a suite nor an item")
                }
            } catch {
                throw .run(path: path, line: line.number, reason: error.reason)
            }
        }
        if let stored, let model, stored.fingerprint != model.fingerprint {
            throw .runOfOther(path: path, what: "model", found: stored.name, needed: model.name)
        }
        guard let known = stored ?? (isEmpty ? model : nil) else {
            let reason = isEmpty ? "it is empty" : "its first line does not name a model"
            throw .run(path: path, line: 1, reason: "no run file: \(reason)")
        }
        self.model = known
        self.path = path
        self.file = file
        self.suites = suites
        self.outcomes = outcomes
    }

    /// Says which data the following items come from; refuses to mix two versions of a suite.
    public func begin(_ suite: TaskSuite) throws(EvaluationError) {
        let description = RunSuite(name: suite.name, shots: suite.shotCount, sha256: suite.digest)
        if let known = suites[suite.name] { return try require(known, description) }
        suites[suite.name] = description
        try append(Line(suite: description))
    }

    /// Refuses a run whose suite had other items or shots.
    public func requireSame(_ suite: TaskSuite) throws(EvaluationError) {
        let description = RunSuite(name: suite.name, shots: suite.shotCount, sha256: suite.digest)
        if let known = suites[suite.name] { try require(known, description) }
    }

    private func require(_ found: RunSuite, _ needed: RunSuite) throws(EvaluationError) {
        let name = needed.name
        if found.shots != needed.shots {
            throw .runOfOther(
                path: path, what: "number of shots for \(name)", found: "\(found.shots)", needed: "\(needed.shots)")
        }
        if found.sha256 != needed.sha256 {
            throw .runOfOther(
                path: path, what: "version of \(name)", found: "sha256 \(found.sha256.prefix(16))",
                needed: "\(needed.sha256.prefix(16))")
        }
    }

    public func outcome(_ item: TaskItem, of suite: TaskSuite) -> TaskOutcome? {
        outcomes[Key(suite: suite.name, id: item.id)]
    }

    /// All outcomes of a suite's items that this run has, in the items' order.
    public func outcomes(of suite: TaskSuite) -> [TaskOutcome] { suite.items.compactMap { outcome($0, of: suite) } }

    public func add(_ outcome: TaskOutcome) throws(EvaluationError) {
        outcomes[Key(suite: outcome.suite, id: outcome.id)] = outcome
        try append(Line(item: outcome))
    }

    private func append(_ line: Line) throws(EvaluationError) {
        guard let file else { return }
        let bytes: [UInt8]
        do throws(JSONLines.Defect) {
            bytes = try JSONLines.encode(line)
        } catch {
            throw .inputOutput(path: path, reason: error.reason)
        }
        try file.append(bytes)
    }
}

/// The data of a suite in a run.
public struct RunSuite: Codable, Equatable, Sendable {
    public var name: String
    public var shots: Int
    public var sha256: String
}

/// The model of a run.
public struct RunModel: Codable, Equatable, Sendable {
    public var name: String
    public var recipe: String
    public var bytes: Int
    public var parameters: Int
    /// SHA-256 over the model's shape and the checksums of all tensors and the tokenizer.
    public var fingerprint: String

    public var fileBitsPerWeight: Double { 8 * Double(bytes) / Double(max(parameters, 1)) }

    public init(_ file: ModelFile) throws(EvaluationError) {
        name = String(file.path.split(separator: "/").last ?? "model")
        recipe = file.header.provenance.recipe
        bytes = file.fileBytes
        parameters = file.parameterCount
        do throws(ModelFileDefect) {
            fingerprint = try file.header.fingerprint()
        } catch {
            throw .inputOutput(path: file.path, reason: "\(error)")
        }
    }
}
