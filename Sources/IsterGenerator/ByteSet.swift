/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words = SIMD4<UInt64>()

    init() {}

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    /// The bytes of a text.
    init(_ text: String) {
        for byte in text.utf8 { insert(byte) }
    }

    init(_ byte: UInt8) {
        insert(byte)
    }

    static let all = ByteSet(0...255)

    var isEmpty: Bool { words == SIMD4<UInt64>() }

    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    mutating func remove(_ byte: UInt8) {
        words[Int(byte >> 6)] &= ~(1 << UInt64(byte & 63))
    }

    static func | (left: ByteSet, right: ByteSet) -> ByteSet {
        var set = left
        set.words |= right.words
        return set
    }

    static func & (left: ByteSet, right: ByteSet) -> ByteSet {
        var set = left
        set.words &= right.words
        return set
    }

    func subtracting(_ other: ByteSet) -> ByteSet {
        var set = self
        set.words &= ~other.words
        return set
    }
}
