/// A chat template: messages in, prompt out, as jinja2 renders it in the settings of transformers.
///
/// Rendering touches nothing but its input, and ends: source, nesting, steps and output are bounded.
public struct ChatTemplate: Sendable {
    private let body: [TemplateStatement]

    public init(_ source: String) throws(ChatTemplateError) { body = try TemplateParser.parse(source) }

    /// The prompt in pieces, none empty, neighbours of different trust.
    public func render(_ input: ChatTemplateInput) throws(ChatTemplateError) -> [PromptSegment] {
        let renderer = try TemplateRenderer(input)
        defer { renderer.finish() }
        return try renderer.render(body)
    }
}

/// A stretch of a prompt and where it comes from.
public struct PromptSegment: Sendable, Equatable {
    public var text: String
    /// Whether the template wrote it. Only such text may become control tokens.
    public var isTrusted: Bool

    public init(text: String, isTrusted: Bool) {
        self.text = text
        self.isTrusted = isTrusted
    }

    static func segments(_ units: [UInt32]) -> [PromptSegment] {
        var segments: [PromptSegment] = []
        var start = 0
        while start < units.count {
            let bit = units[start] & TemplateText.trustBit
            var end = start + 1
            while end < units.count, units[end] & TemplateText.trustBit == bit { end += 1 }
            segments.append(PromptSegment(text: TemplateText.string(units[start..<end]), isTrusted: bit != 0))
            start = end
        }
        return segments
    }
}
