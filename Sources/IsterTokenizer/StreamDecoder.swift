/// Text of generated ids as they come. Never returns half a character; everything returned, joined, is what
/// `Tokenizer.decode` gives for all ids at once.
public struct StreamDecoder: Sendable {
    private var decoder: TextDecoder

    /// `prompt`: the ids that the generated ones continue. Their text is not returned, but it decides whether a
    /// space at the start is dropped, and it may end in the first bytes of a character.
    public init(_ tokenizer: Tokenizer, prompt: [Int32] = [], skipSpecial: Bool = true) {
        decoder = TextDecoder(tokenizer, skipSpecial: skipSpecial)
        var text: [UInt8] = []
        for id in prompt {
            decoder.append(id, &text)
            text.removeAll(keepingCapacity: true)
        }
    }

    /// Text that this id completes, often empty for parts of a character.
    public mutating func append(_ id: Int32) -> String {
        var text: [UInt8] = []
        decoder.append(id, &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// What was held back, as U+FFFD. Call once, after the last id.
    public mutating func finish() -> String {
        var text: [UInt8] = []
        decoder.finish(&text)
        return String(decoding: text, as: UTF8.self)
    }
}
