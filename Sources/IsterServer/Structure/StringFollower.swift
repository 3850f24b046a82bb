/// Tells the bytes of a sound JSON text that belong to strings.
struct StringFollower: Sendable {
    private var isString = false
    private var isEscaped = false

    /// Reads a byte; whether it belongs to a string. Its first quote does, its last one, too.
    mutating func take(_ byte: UInt8) -> Bool {
        if !isString {
            isString = byte == UInt8(ascii: "\"")
            return isString
        }
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isString = false
        }
        return true
    }
}
