/// One case per way in which a chat template can fail to load or to render.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The source is not a template that this interpreter reads.
    case syntax(line: Int, problem: String)
    /// The template called `raise_exception`: it refuses these messages.
    case raised(message: String)
    /// The template used a value that is not there.
    case undefined(problem: String)
    /// An operation that its operands do not have, or text that a filter cannot read.
    case invalidOperation(problem: String)
    case limit(Limit, allowed: Int)

    /// What a template may not have, or use, too much of.
    public enum Limit: String, Sendable, Equatable {
        case sourceBytes = "bytes of source"
        case nesting = "levels of nesting"
        case macroDepth = "macro calls inside each other"
        case steps = "steps"
        case milliseconds = "milliseconds"
        case rangeLength = "numbers in a range"
        case outputBytes = "bytes of text"
        case valueDepth = "levels of lists in lists"
    }

    public var description: String {
        switch self {
        case .syntax(let line, let problem): "chat template, line \(line): \(problem)"
        case .raised(let message): "chat template refuses the messages: \(message)"
        case .undefined(let problem), .invalidOperation(let problem): "chat template: \(problem)"
        case .limit(let limit, let allowed): "chat template needs more than \(allowed) \(limit.rawValue)"
        }
    }
}
