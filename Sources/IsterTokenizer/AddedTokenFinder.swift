/// Cuts added tokens out of text: at each place from the left the longest one.
struct AddedTokenFinder: Sendable {
    /// A stretch of text, or the added token that stands for it.
    struct Part: Equatable {
        var range: Range<Int>
        /// nil for text.
        var id: Int32?
    }

    private var trie = ByteTrie()
    private var tokens: [Int32: Vocabulary.AddedToken] = [:]

    /// `spelling` gives the text to look for.
    init(_ tokens: [Vocabulary.AddedToken], spelling: (Vocabulary.AddedToken) -> [UInt8]) {
        for token in tokens {
            trie.insert(spelling(token), id: token.id)
            self.tokens[token.id] = token
        }
    }

    var isEmpty: Bool { trie.isEmpty }

    /// Parts in order, none empty. A special token, or one of `marks`, that is not wholly in `trusted` text stays text,
    /// and so does what it covers before the next trusted place, as in the tokenizers package.
    func parts(_ text: [UInt8], trusted: TrustedRanges, marks: Set<Int32> = []) -> [Part] {
        if isEmpty { return text.isEmpty ? [] : [Part(range: 0..<text.count)] }
        var parts: [Part] = []
        var done = 0
        var index = 0
        var place = 0
        while index < text.count {
            guard let longest = match(text, index, text.count) else {
                index += 1
                continue
            }
            let trustedEnd = trusted.end(at: index, &place)
            guard let match = readable(text, index, longest, marks, trustedEnd: trustedEnd ?? index) else {
                let next = trusted.next(from: index, &place) ?? text.count
                index = trustedEnd == nil ? min(longest.end, next) : index + 1
                continue
            }
            defer { index = max(index, match.end) }
            let token = match.token
            if token.isSingleWord && !Self.isWord(text, index..<match.end) { continue }
            var range = index..<match.end
            if token.stripsLeft { range = Self.spaceStart(text, before: index, from: done)..<range.upperBound }
            if token.stripsRight { range = range.lowerBound..<Self.spaceEnd(text, after: max(match.end, done)) }
            // White space that an earlier token took along is not taken twice, nor looked at twice.
            range = max(range.lowerBound, done)..<max(range.upperBound, done)
            if done < range.lowerBound { parts.append(Part(range: done..<range.lowerBound)) }
            parts.append(Part(range: range, id: token.id))
            done = range.upperBound
        }
        if done < text.count { parts.append(Part(range: done..<text.count)) }
        return parts
    }

    private typealias Match = (token: Vocabulary.AddedToken, end: Int)

    private func match(_ text: [UInt8], _ start: Int, _ end: Int) -> Match? {
        guard let match = trie.match(text, start, end), let token = tokens[match.id] else { return nil }
        return (token, match.end)
    }

    /// The longest token at `start` that may be read. Where untrusted text begins there is none but `longest`.
    private func readable(
        _ text: [UInt8], _ start: Int, _ longest: Match, _ marks: Set<Int32>, trustedEnd: Int
    ) -> Match? {
        var found: Match? = longest
        while let match = found, match.token.isSpecial || marks.contains(match.token.id), match.end > trustedEnd {
            if trustedEnd == start { return nil }
            found = self.match(text, start, match.end - 1)
        }
        return found
    }

    private static func isWord(_ text: [UInt8], _ range: Range<Int>) -> Bool {
        if range.lowerBound > 0 {
            let before = UTF8Text.scalar(text, UTF8Text.previous(text, range.lowerBound))
            if isWordCharacter(before.value) { return false }
        }
        return range.upperBound == text.count || !isWordCharacter(UTF8Text.scalar(text, range.upperBound).value)
    }

    /// `\w` of Unicode Technical Standard 18.
    private static func isWordCharacter(_ value: Int) -> Bool {
        guard let scalar = Unicode.Scalar(UInt32(value)) else { return false }
        let properties = scalar.properties
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }

    private static func spaceStart(_ text: [UInt8], before index: Int, from first: Int) -> Int {
        var start = index
        while start > first {
            let previous = UTF8Text.previous(text, start)
            if CharacterClass.shared.kind(text, previous).kind < CharacterClass.Kind.space { break }
            start = previous
        }
        return start
    }

    private static func spaceEnd(_ text: [UInt8], after index: Int) -> Int {
        var end = index
        while end < text.count {
            let (kind, length) = CharacterClass.shared.kind(text, end)
            if kind < CharacterClass.Kind.space { break }
            end += length
        }
        return end
    }
}
