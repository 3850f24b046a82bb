extension Tokenizer {
    /// Ids of a rendered chat template.
    ///
    /// The text is encoded as a whole, since merges go across the borders of segments; but a special token, and any
    /// added token that the template writes here, is read only where every byte of it is trusted: the marks of some
    /// fine-tunes are not special. As chat templates write the tokens of text's start themselves, `addSpecial` is
    /// usually false.
    public func encode(_ segments: [PromptSegment], addSpecial: Bool) -> [Int32] {
        var text: [UInt8] = []
        var trusted = TrustedRanges()
        for segment in segments {
            text += segment.text.utf8
            if segment.isTrusted { trusted.append(text.count - segment.text.utf8.count..<text.count) }
        }
        return encode(text, addSpecial: addSpecial, trusted: trusted, marks: marks(text, trusted))
    }

    /// Added tokens in trusted text that are not special. White space is no mark: users write it, too.
    private func marks(_ text: [UInt8], _ trusted: TrustedRanges) -> Set<Int32> {
        let tokens = vocabulary.addedTokens.filter { token in
            !token.isSpecial && piece(token.id).contains { $0 > 0x20 }
        }
        guard !tokens.isEmpty else { return [] }
        let ids = trusted.ranges.flatMap { range in
            let part = Array(text[range])
            return encode(part, addSpecial: false, trusted: .all(part))
        }
        return Set(tokens.map(\.id)).intersection(ids)
    }
}

/// Where special tokens may be read.
struct TrustedRanges: Sendable {
    /// Ascending, none empty, none touching the next.
    private(set) var ranges: [Range<Int>] = []

    static func all(_ text: [UInt8]) -> TrustedRanges {
        var trusted = TrustedRanges()
        trusted.append(0..<text.count)
        return trusted
    }

    /// `range` begins at or after the end of the last one.
    mutating func append(_ range: Range<Int>) {
        if range.isEmpty { return }
        if let last = ranges.last, last.upperBound == range.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
    }

    /// End of the range that holds `index`, nil when none does. Callers ask in ascending order; `hint` keeps the place.
    func end(at index: Int, _ hint: inout Int) -> Int? {
        while hint < ranges.count, ranges[hint].upperBound <= index { hint += 1 }
        guard hint < ranges.count, ranges[hint].lowerBound <= index else { return nil }
        return ranges[hint].upperBound
    }

    /// First trusted place at or after `index`.
    func next(from index: Int, _ hint: inout Int) -> Int? {
        while hint < ranges.count, ranges[hint].upperBound <= index { hint += 1 }
        return hint < ranges.count ? max(index, ranges[hint].lowerBound) : nil
    }

    /// The ranges inside `part`, counted from its start.
    func part(_ part: Range<Int>) -> TrustedRanges {
        var inside = TrustedRanges()
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= part.lowerBound { low = middle + 1 } else { high = middle }
        }
        for range in ranges[low...].prefix(while: { $0.lowerBound < part.upperBound }) {
            let cut = range.clamped(to: part)
            inside.append(cut.lowerBound - part.lowerBound..<cut.upperBound - part.lowerBound)
        }
        return inside
    }
}
