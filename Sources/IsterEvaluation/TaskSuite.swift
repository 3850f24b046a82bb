internal import IsterModelFile

/// Items that are asked, with what stands before each.
public struct TaskSuite: Sendable {
    public let name: String
    public let items: [TaskItem]
    public let shotCount: Int
    /// SHA-256 of the prompts' style and of the files they are made of, in hex.
    public let digest: String
    /// The main figure is that of scores divided by the choices' lengths.
    public let isNormalized: Bool
    /// Of all items; nil for a user's file, where each item's fields decide.
    let style: TaskStyle?
    /// Examples by subject, in the file's order; all of them under nil where the style knows no subjects.
    let pool: [String?: [TaskItem]]
    let primer: String

    /// nameOrPath: a known benchmark, read from `folder`, or a file of items in the same schema.
    /// shots: nil for the benchmark's usual number.
    /// limit: most items; they are taken at equal distances, so that all parts of a suite are there.
    public static func load(
        _ nameOrPath: String, folder: String, shots: Int? = nil, limit: Int? = nil
    ) throws(EvaluationError) -> Self {
        if let shots, shots < 0 || shots > 1000 {
            throw .invalidOption(name: "shots", found: shots, needed: "0 to 1000")
        }
        if let limit, limit < 1 { throw .invalidOption(name: "limit", found: limit, needed: "1 or more") }
        if let known = SuiteDescription.named(nameOrPath) {
            return try load(known, folder: folder, shots: shots, limit: limit)
        }
        guard nameOrPath.hasSuffix(".jsonl") else {
            throw .unknownSuite(name: nameOrPath, known: SuiteDescription.knownNames)
        }
        if let shots, shots > 0 { throw .notEnoughShots(path: nameOrPath, found: 0, needed: shots) }
        var digest = digest(of: nil)
        let items = try self.items(nameOrPath, style: nil, &digest)
        let name = String((nameOrPath.split(separator: "/").last ?? "items").dropLast(6))
        return Self(
            name: name, items: spread(items, limit), shotCount: 0, digest: digest.hex(), isNormalized: false,
            style: nil, pool: [:], primer: "")
    }

    /// The files that `load` may read.
    public static func paths(of nameOrPath: String, folder: String) -> [String] {
        guard let known = SuiteDescription.named(nameOrPath) else { return [nameOrPath] }
        return ["\(folder)/\(known.task).jsonl", "\(folder)/qa_primer.txt"]
            + [known.pool].compactMap { $0 }.map { "\(folder)/fewshot/\($0).jsonl" }
    }

    func style(of item: TaskItem) -> TaskStyle { style ?? TaskStyle(fittingTo: item) }

    /// Whether the model writes a text for an item instead of scoring its choices.
    public func isWritten(_ item: TaskItem) -> Bool { style(of: item) == .generatedNumber }

    private static func load(
        _ known: SuiteDescription, folder: String, shots: Int?, limit: Int?
    ) throws(EvaluationError) -> Self {
        var digest = digest(of: known.style)
        let items = try items("\(folder)/\(known.task).jsonl", style: known.style, &digest)
        let shotCount = shots ?? known.usualShots
        var pool: [String?: [TaskItem]] = [:]
        if shotCount > 0 {
            guard let file = known.pool else {
                throw .notEnoughShots(path: "suite \(known.name)", found: 0, needed: shotCount)
            }
            let path = "\(folder)/fewshot/\(file).jsonl"
            let hasSubjects = known.style == .lettered
            pool = Dictionary(grouping: try self.items(path, style: known.style, &digest)) {
                hasSubjects ? $0.subject : nil
            }
            try require(shotCount, of: pool, path, subjects: hasSubjects ? Set(items.map(\.subject)) : [nil])
        }
        let primer = known.style == .primed ? try primer("\(folder)/qa_primer.txt", &digest) : ""
        return Self(
            name: known.name, items: spread(items, limit), shotCount: shotCount, digest: digest.hex(),
            isNormalized: known.isNormalized, style: known.style, pool: pool, primer: primer)
    }

    /// Each subject needs its own examples.
    private static func require(
        _ count: Int, of pool: [String?: [TaskItem]], _ path: String, subjects: Set<String?>
    ) throws(EvaluationError) {
        for subject in subjects {
            let found = pool[subject]?.count ?? 0
            if found < count {
                let place = subject.map { "\(path), subject \($0)" } ?? path
                throw .notEnoughShots(path: place, found: found, needed: count)
            }
        }
    }

    private static func items(
        _ path: String, style: TaskStyle?, _ digest: inout Digest256
    ) throws(EvaluationError) -> [TaskItem] {
        let bytes = try read(path, &digest)
        var items: [TaskItem] = []
        var lines: [String: Int] = [:]
        for line in JSONLines.split(bytes) {
            let item: TaskItem
            do throws(JSONLines.Defect) {
                item = try JSONLines.decode(TaskItem.self, line.bytes)
            } catch {
                throw .items(path: path, line: line.number, reason: error.reason)
            }
            if let reason = item.defect(as: style ?? TaskStyle(fittingTo: item)) {
                throw .items(path: path, line: line.number, reason: reason)
            }
            if let first = lines.updateValue(line.number, forKey: item.id) {
                throw .items(path: path, line: line.number, reason: "id \"\(item.id)\" is that of line \(first)")
            }
            items.append(item)
        }
        guard !items.isEmpty else { throw .noItems(path: path) }
        return items
    }

    /// Begins with how the prompts are made, so that a run does not go on with others. nil: each item's fields decide.
    private static func digest(of style: TaskStyle?) -> Digest256 {
        var digest = Digest256()
        unsafe digest.update(Array("prompts 1 \(style?.rawValue ?? "by fields")\n".utf8).span.bytes)
        return digest
    }

    private static func primer(_ path: String, _ digest: inout Digest256) throws(EvaluationError) -> String {
        String(decoding: try read(path, &digest), as: UTF8.self).strippedAtEnd
    }

    private static func read(_ path: String, _ digest: inout Digest256) throws(EvaluationError) -> [UInt8] {
        let file = try EvaluationFile(reading: path)
        let length = try file.length()
        guard length <= 1 << 28 else {
            throw .items(path: path, line: 1, reason: "\(length) bytes; at most \(1 << 28) are read")
        }
        let bytes = try file.read(at: 0, count: length)
        unsafe digest.update(bytes.span.bytes)
        return bytes
    }

    private static func spread(_ items: [TaskItem], _ limit: Int?) -> [TaskItem] {
        guard let limit, limit < items.count else { return items }
        return (0..<limit).map { items[$0 * items.count / limit] }
    }
}
