/// Cuts text into words as the patterns of GPT-2, Llama 3 and Qwen 2 do, by hand: `end` gives where the word that
/// begins at `start` ends. Each alternative of a pattern is a step below, in the pattern's order.
///
/// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
///
/// Llama 3, in two lines:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}`
/// `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/// Qwen 2 has `\p{N}` for `\p{N}{1,3}`.
struct WordScanner: Sendable {
    enum Pattern: Equatable {
        case gpt2
        /// `numbers`: how many number characters make one word.
        case llama3(numbers: Int)
    }

    let pattern: Pattern
    private let classes = CharacterClass.shared
    private typealias Kind = CharacterClass.Kind

    init(pattern: Pattern) { self.pattern = pattern }

    /// `start` < `end` <= text.count; what lies beyond `end` is not seen. The text is valid UTF-8.
    func wordEnd(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        switch pattern {
        case .gpt2: gpt2(text, start, end)
        case .llama3(let numbers): llama3(text, start, end, numbers: numbers)
        }
    }

    private func gpt2(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        if text[start] == UInt8(ascii: "'"), let length = contraction(text, start, end, foldsCase: false) {
            return start + length
        }
        let (kind, length) = classes.kind(text, start)
        if kind < Kind.space { return run(of: kind, text, start + length, end) }
        if text[start] == UInt8(ascii: " "), start + 1 < end {
            let (next, nextLength) = classes.kind(text, start + 1)
            if next < Kind.space { return run(of: next, text, start + 1 + nextLength, end) }
        }
        return whiteSpace(text, start, end, stopsAtNewline: false)
    }

    private func llama3(_ text: [UInt8], _ start: Int, _ end: Int, numbers: Int) -> Int {
        if text[start] == UInt8(ascii: "'"), let length = contraction(text, start, end, foldsCase: true) {
            return start + length
        }
        let (kind, length) = classes.kind(text, start)
        if kind == Kind.letter { return run(of: Kind.letter, text, start + length, end) }
        if kind == Kind.number { return run(of: Kind.number, text, start + length, end, limit: numbers - 1) }
        if kind != Kind.newline, start + length < end {
            let (next, nextLength) = classes.kind(text, start + length)
            if next == Kind.letter { return run(of: Kind.letter, text, start + length + nextLength, end) }
            if next == Kind.other, text[start] == UInt8(ascii: " ") {
                return newlines(text, run(of: Kind.other, text, start + 1 + nextLength, end), end)
            }
        }
        if kind == Kind.other { return newlines(text, run(of: Kind.other, text, start + length, end), end) }
        return whiteSpace(text, start, end, stopsAtNewline: true)
    }

    /// Length of `'s 't 're 've 'm 'll 'd` at `start`.
    private func contraction(_ text: [UInt8], _ start: Int, _ end: Int, foldsCase: Bool) -> Int? {
        guard start + 1 < end else { return nil }
        // U+017F, the long s, is an s when case is folded.
        if foldsCase, start + 2 < end, text[start + 1] == 0xC5, text[start + 2] == 0xBF { return 3 }
        let fold: UInt8 = foldsCase ? 0x20 : 0
        let first = text[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
            guard start + 2 < end else { return nil }
            let wanted = first == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
            return text[start + 2] | fold == wanted ? 3 : nil
        default: return nil
        }
    }

    /// End of the run of one class from `start` on, after at most `limit` scalars.
    @inline(__always)
    private func run(of kind: UInt8, _ text: [UInt8], _ start: Int, _ end: Int, limit: Int = .max) -> Int {
        var index = start
        var count = 0
        while index < end, count < limit {
            let (next, length) = classes.kind(text, index)
            if next != kind { break }
            index += length
            count += 1
        }
        return index
    }

    private func newlines(_ text: [UInt8], _ start: Int, _ end: Int) -> Int {
        run(of: Kind.newline, text, start, end)
    }

    /// A run of white space. With `stopsAtNewline` it ends after its last newline, if it has one. Else, before
    /// something that is no white space, it leaves its last character to the next word, unless that is all it has.
    private func whiteSpace(_ text: [UInt8], _ start: Int, _ end: Int, stopsAtNewline: Bool) -> Int {
        var index = start
        var last = start
        var newlineEnd: Int?
        while index < end {
            let (kind, length) = classes.kind(text, index)
            if kind < Kind.space { break }
            last = index
            index += length
            if kind == Kind.newline { newlineEnd = index }
        }
        if stopsAtNewline, let newlineEnd { return newlineEnd }
        return index == end || last == start ? index : last
    }
}
