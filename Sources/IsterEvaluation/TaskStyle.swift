/// How an item becomes a prompt, after lm-evaluation-harness.
public enum TaskStyle: String, Sendable {
    /// Choices under letters; the letter is the answer (MMLU).
    case lettered
    /// `Q:` and `A:` after a fixed primer (TruthfulQA).
    case primed
    /// The sentence up to the gap with each choice filled in; the rest of the sentence is scored (WinoGrande).
    case filledIn
    /// A text that each choice continues (HellaSwag).
    case continued
    /// `Question:` and `Answer:` (ARC, PIQA).
    case questionAnswer
    /// A passage before the question (BoolQ).
    case passage
    /// The question as it stands (OpenBookQA).
    case bareQuestion
    /// The model writes, a number is read from it (GSM8K).
    case generatedNumber

    var requiredFields: [TaskItem.CodingKeys] {
        switch self {
        case .lettered: [.question, .subject, .choices, .answer]
        case .primed, .questionAnswer, .bareQuestion: [.question, .choices, .answer]
        case .filledIn: [.contexts, .continuation, .choices, .answer]
        case .continued: [.context, .choices, .answer]
        case .passage: [.passage, .question, .choices, .answer]
        case .generatedNumber: [.question, .answerText]
        }
    }

    /// The style of an item of a user's file: what its fields allow, whatever its task is called.
    init(fittingTo item: TaskItem) {
        if item.contexts != nil {
            self = .filledIn
        } else if item.context != nil {
            self = .continued
        } else if item.passage != nil {
            self = .passage
        } else if item.choices == nil, item.answerText != nil {
            self = .generatedNumber
        } else {
            self = .questionAnswer
        }
    }
}

/// A benchmark that is known by name.
public struct SuiteDescription: Sendable {
    public let name: String
    /// `task` of its items, and the name of its file.
    let task: String
    let style: TaskStyle
    let usualShots: Int
    /// Examples for shots, in the folder `fewshot`.
    let pool: String?
    /// The main figure is that of scores divided by the choices' lengths.
    let isNormalized: Bool

    static let known = [
        Self("mmlu", .lettered, shots: 5, pool: "mmlu_dev"),
        Self("truthfulqa", task: "truthfulqa_mc", .primed),
        Self("winogrande", .filledIn, shots: 5, pool: "winogrande_train_s"),
        Self("gsm8k", .generatedNumber, shots: 5, pool: "gsm8k_train"),
        Self("hellaswag", .continued, isNormalized: true),
        Self("arc_easy", .questionAnswer, pool: "arc_easy_dev"),
        Self("arc_challenge", .questionAnswer, shots: 25, pool: "arc_challenge_dev", isNormalized: true),
        Self("piqa", .questionAnswer),
        Self("boolq", .passage),
        Self("openbookqa", .bareQuestion, pool: "openbookqa_train", isNormalized: true),
    ]

    /// By its name or its items' task.
    static func named(_ name: String) -> Self? { known.first { $0.name == name || $0.task == name } }

    public static var knownNames: [String] { known.map(\.name) }

    private init(
        _ name: String, task: String? = nil, _ style: TaskStyle, shots: Int = 0, pool: String? = nil,
        isNormalized: Bool = false
    ) {
        self.name = name
        self.task = task ?? name
        self.style = style
        self.pool = pool
        self.isNormalized = isNormalized
        usualShots = shots
    }
}
