extension Vocabulary.Normalizer {
    func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement): Self.replacing(text, pattern, with: replacement)
        }
    }

    static func replacing(_ text: [UInt8], _ pattern: [UInt8], with replacement: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count + text.count / 2)
        var index = 0
        while index < text.count {
            if text[index] == pattern[0], UTF8Text.starts(text, at: index, with: pattern) {
                out += replacement
                index += pattern.count
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    /// As `apply`, with the trusted ranges of the result: what stands for trusted text alone is trusted.
    func apply(_ text: [UInt8], trusted: TrustedRanges) -> (text: [UInt8], trusted: TrustedRanges) {
        switch self {
        case .prepend(let prefix):
            var moved = TrustedRanges()
            if !text.isEmpty { moved.append(0..<prefix.count) }
            for range in trusted.ranges {
                moved.append(range.lowerBound + prefix.count..<range.upperBound + prefix.count)
            }
            return (apply(text), moved)
        case .replace(let pattern, let replacement):
            return Self.replacing(text, pattern, with: replacement, trusted: trusted)
        }
    }

    private static func replacing(
        _ text: [UInt8], _ pattern: [UInt8], with replacement: [UInt8], trusted: TrustedRanges
    ) -> (text: [UInt8], trusted: TrustedRanges) {
        var out: [UInt8] = []
        out.reserveCapacity(text.count + text.count / 2)
        var moved = TrustedRanges()
        var place = 0
        var index = 0
        while index < text.count {
            let isFound = text[index] == pattern[0] && UTF8Text.starts(text, at: index, with: pattern)
            let next = index + (isFound ? pattern.count : 1)
            let start = out.count
            if isFound { out += replacement } else { out.append(text[index]) }
            if let end = trusted.end(at: index, &place), end >= next { moved.append(start..<out.count) }
            index = next
        }
        return (out, moved)
    }
}
