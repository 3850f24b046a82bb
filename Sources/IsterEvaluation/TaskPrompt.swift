/// What a model is asked for one item.
enum TaskPrompt: Equatable {
    /// The log-probability of each continuation after its context.
    case score([ScoredText])
    /// Text until a stop string.
    case generate(context: String, stop: String)
}

/// A context and the text whose log-probability after it is wanted.
struct ScoredText: Equatable {
    var context: String
    var continuation: String

    /// Characters as Python counts them, without the space that parts it from the context.
    var lengthOfContinuation: Int {
        continuation.unicodeScalars.count - (continuation.unicodeScalars.first == " " ? 1 : 0)
    }

    /// Byte by byte: equal strings may have other bytes, and so other tokens.
    func isSame(as other: Self) -> Bool {
        context.utf8.elementsEqual(other.context.utf8) && continuation.utf8.elementsEqual(other.continuation.utf8)
    }
}

extension TaskSuite {
    func prompt(_ item: TaskItem) -> TaskPrompt {
        let style = style(of: item)
        let shots = shots(for: item, style).map { example($0, style) + "\n\n" }.joined()
        switch style {
        case .generatedNumber: return .generate(context: shots + stem(item, style), stop: "Question:")
        case .filledIn:
            return .score(
                (item.contexts ?? []).map { context in
                    ScoredText(context: shots + context, continuation: item.continuation ?? "")
                })
        case .lettered:
            let subject = (item.subject ?? "").split(separator: "_", omittingEmptySubsequences: false)
                .joined(separator: " ")
            let head = "The following are multiple choice questions (with answers) about \(subject).\n\n"
            return .score(
                (item.choices ?? []).indices.map { index in
                    ScoredText(context: head + shots + stem(item, style), continuation: " " + Self.letter(index))
                })
        case .primed:
            return .score(continuations(of: primer + "\n\n" + shots + stem(item, style), item.choices))
        default: return .score(continuations(of: shots + stem(item, style), item.choices))
        }
    }

    /// Choices of which several may be true; empty for most suites.
    func trueOrFalsePrompts(_ item: TaskItem) -> [ScoredText] {
        guard let choices = item.trueOrFalseChoices else { return [] }
        let style = style(of: item)
        let head = style == .primed ? primer + "\n\n" : ""
        return continuations(of: head + stem(item, style), choices)
    }

    private func continuations(of context: String, _ choices: [String]?) -> [ScoredText] {
        (choices ?? []).map { ScoredText(context: context, continuation: " " + $0) }
    }

    /// The pool's first examples, of the same subject where there are subjects.
    private func shots(for item: TaskItem, _ style: TaskStyle) -> [TaskItem] {
        let fitting = pool[style == .lettered ? item.subject : nil] ?? []
        return Array(fitting.prefix(shotCount))
    }

    /// An item up to where the answer begins.
    private func stem(_ item: TaskItem, _ style: TaskStyle) -> String {
        let question = item.question ?? ""
        switch style {
        case .lettered:
            let choices = (item.choices ?? []).enumerated().map { "\(Self.letter($0)). \($1)\n" }.joined()
            return question.stripped + "\n" + choices + "Answer:"
        case .primed: return "Q: \(question)\nA:"
        case .filledIn: return ""
        case .continued: return item.context ?? ""
        case .questionAnswer, .generatedNumber: return "Question: \(question)\nAnswer:"
        case .passage: return "\(item.passage ?? "")\nQuestion: \(question)?\nAnswer:"
        case .bareQuestion: return question
        }
    }

    /// An item with its answer.
    private func example(_ item: TaskItem, _ style: TaskStyle) -> String {
        let answer = item.answer ?? 0
        switch style {
        case .lettered: return stem(item, style) + " " + Self.letter(answer)
        case .filledIn: return (item.contexts?[answer] ?? "") + (item.continuation ?? "")
        case .generatedNumber: return stem(item, style) + " " + (item.solution ?? "")
        default: return stem(item, style) + " " + (item.choices?[answer] ?? "")
        }
    }

    private static func letter(_ index: Int) -> String {
        String(UnicodeScalar(UInt8(truncatingIfNeeded: 65 + index)))
    }
}

extension String {
    /// Without white space at both ends, as Python's `strip`.
    var stripped: String {
        let rest = unicodeScalars.drop { $0.isPythonSpace }
        return String(rest).strippedAtEnd
    }

    var strippedAtEnd: String { String(unicodeScalars.dropLast(spaceCountAtEnd)) }

    /// Scalars of white space at the end.
    var spaceCountAtEnd: Int { unicodeScalars.reversed().prefix { $0.isPythonSpace }.count }
}

extension Unicode.Scalar {
    /// Python counts four separators of files and records as white space, Unicode does not.
    fileprivate var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}
