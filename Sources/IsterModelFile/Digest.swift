internal import Crypto

/// SHA-256 of bytes that come in pieces, as lower-case hex digits, the form in which headers hold it.
public struct Digest256 {
    private var hasher = SHA256()

    public init() {}

    public mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    }

    /// 32 bytes of everything so far.
    public func bytes() -> [UInt8] { Array(hasher.finalize()) }

    /// 64 hex digits of everything so far.
    public func hex() -> String { Self.hex(bytes()) }

    /// 32 bytes.
    static func of(_ bytes: RawSpan) -> [UInt8] {
        var digest = Self()
        digest.update(bytes)
        return digest.bytes()
    }

    /// 32 bytes.
    static func of(_ bytes: [UInt8]) -> [UInt8] { unsafe of(bytes.span.bytes) }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Placeholder of the same length, while the true value is not known yet.
    public static let unknown = String(repeating: "0", count: 64)

    static func isHex(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
