import IsterGenerator

/// Parts of a JSON text that is known to be sound, as they are written.
enum RawJSON {
    /// The value of an object's member; the key has no escapes.
    static func member(_ key: String, of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let name = JSONText.string(key)
        for part in parts(text) {
            guard part.starts(with: name), let colon = part.dropFirst(name.count).firstIndex(of: UInt8(ascii: ":"))
            else {
                continue
            }
            return trimmed(part[(colon + 1)...])
        }
        return nil
    }

    static func elements(_ text: [UInt8]) -> [ArraySlice<UInt8>] { parts(text[...]) }

    /// What stands between the commas of an array or an object.
    private static func parts(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var (depth, start, strings) = (0, text.startIndex, StringFollower())
        for index in text.indices where !strings.take(text[index]) {
            switch text[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth == 1 { start = index + 1 }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { parts.append(trimmed(text[start..<index])) }
            case UInt8(ascii: ",") where depth == 1:
                parts.append(trimmed(text[start..<index]))
                start = index + 1
            default: break
            }
        }
        return parts
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        let rest = text.drop(while: isSpace)
        return rest.dropLast(rest.reversed().prefix(while: isSpace).count)
    }
}
