/// One question of a suite. Which fields it needs, its style says.
public struct TaskItem: Decodable, Equatable, Sendable {
    public var id: String
    public var task: String
    public var choices: [String]?
    /// Index into `choices`.
    public var answer: Int?
    var question: String?
    var subject: String?
    var context: String?
    var passage: String?
    /// One context a choice, all with the same continuation.
    var contexts: [String]?
    var continuation: String?
    var solution: String?
    var answerText: String?
    /// Several choices may be true: 1, others 0.
    var trueOrFalseChoices: [String]?
    var trueOrFalseLabels: [Int]?

    enum CodingKeys: String, CodingKey {
        case id, task, choices, answer, question, subject, context, passage, contexts, continuation, solution
        case answerText = "answer_text"
        case trueOrFalseChoices = "mc2_choices"
        case trueOrFalseLabels = "mc2_labels"
    }
}

extension TaskItem {
    /// nil when the item can be asked; else what is wrong with it.
    func defect(as style: TaskStyle) -> String? {
        if id.isEmpty { return "\"id\" is empty" }
        if let missing = style.requiredFields.first(where: { !has($0) }) { return "\"\(missing.rawValue)\" is missing" }
        if style == .generatedNumber {
            return TaskAnswer.number(answerText ?? "") == nil ? "no number in \"answer_text\"" : nil
        }
        let count = choices?.count ?? 0
        if count < 2 { return "\(count) choices; at least 2 are needed" }
        if style == .lettered, count > 26 { return "\(count) choices; at most 26 letters" }
        if let empty = choices?.firstIndex(of: "") { return "choice \(empty) is empty" }
        guard let answer, answer >= 0, answer < count else {
            return "\"answer\" is \(answer ?? -1), there are \(count) choices"
        }
        if let contexts, style == .filledIn, contexts.count != count {
            return "\(contexts.count) contexts for \(count) choices"
        }
        if style == .filledIn, continuation?.isEmpty ?? true { return "\"continuation\" is empty" }
        return trueOrFalseDefect
    }

    private var trueOrFalseDefect: String? {
        guard let trueOrFalseChoices else { return nil }
        guard let labels = trueOrFalseLabels, labels.count == trueOrFalseChoices.count else {
            return "\(trueOrFalseLabels?.count ?? 0) \"mc2_labels\" for \(trueOrFalseChoices.count) \"mc2_choices\""
        }
        if labels.contains(where: { $0 != 0 && $0 != 1 }) { return "\"mc2_labels\" holds other values than 0 and 1" }
        if trueOrFalseChoices.contains("") { return "an empty choice in \"mc2_choices\"" }
        return nil
    }

    private func has(_ field: CodingKeys) -> Bool {
        switch field {
        case .id, .task: true
        case .choices: choices != nil
        case .answer: answer != nil
        case .question: question != nil
        case .subject: subject != nil
        case .context: context != nil
        case .passage: passage != nil
        case .contexts: contexts != nil
        case .continuation: continuation != nil
        case .solution: solution != nil
        case .answerText: answerText != nil
        case .trueOrFalseChoices: trueOrFalseChoices != nil
        case .trueOrFalseLabels: trueOrFalseLabels != nil
        }
    }
}
