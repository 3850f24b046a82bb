/// Walks a stretch of text word by word, as a pre-tokenizer cuts it.
struct WordSplitter: Sendable {
    private enum Rule {
        case whole
        case pattern(WordScanner)
        case digitsThen(WordScanner)
        /// Spaces are escaped; each begins a word.
        case escapedSpaces
    }

    private let rule: Rule
    private let classes = CharacterClass.shared
    private var position: Int
    private let end: Int
    /// Up to here there is no digit; used by `digitsThen`.
    private var stretchEnd: Int

    init(_ kind: Vocabulary.PreTokenizer, _ range: Range<Int>) {
        switch kind {
        case .none, .metaspace(_, splits: false): rule = .whole
        case .metaspace(_, splits: true): rule = .escapedSpaces
        case .gpt2: rule = .pattern(WordScanner(pattern: .gpt2))
        case .digitsGPT2: rule = .digitsThen(WordScanner(pattern: .gpt2))
        case .llama3: rule = .pattern(WordScanner(pattern: .llama3(numbers: 3)))
        case .qwen2: rule = .pattern(WordScanner(pattern: .llama3(numbers: 1)))
        }
        position = range.lowerBound
        end = range.upperBound
        stretchEnd = range.lowerBound
    }

    /// The next word of `text`, the same valid UTF-8 in each call.
    mutating func next(_ text: [UInt8]) -> Range<Int>? {
        guard position < end else { return nil }
        let start = position
        switch rule {
        case .whole: position = end
        case .pattern(let scanner): position = scanner.wordEnd(text, start, end)
        case .escapedSpaces:
            position += UTF8Text.length(lead: text[start])
            while position < end, !UTF8Text.starts(text, at: position, with: UTF8Text.escapedSpace) { position += 1 }
        case .digitsThen(let scanner):
            if start == stretchEnd { findStretch(text) }
            // The pattern sees what lies between two digits as a text of its own.
            position =
                start == stretchEnd ? start + classes.at(text, start).length : scanner.wordEnd(text, start, stretchEnd)
            stretchEnd = max(stretchEnd, position)
        }
        return start..<position
    }

    private mutating func findStretch(_ text: [UInt8]) {
        while stretchEnd < end {
            let (bits, length) = classes.at(text, stretchEnd)
            if bits & CharacterClass.Kind.digit != 0 { break }
            stretchEnd += length
        }
    }
}
