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
}
