/// Which adjacent pairs of ids merge, how early and into what. Open addressing, key and value side by side.
struct PairTable: Sendable {
    /// Rank in the high half (lower merges earlier), resulting id in the low half.
    typealias Value = UInt64
    static let none = Value.max

    private var entries: [UInt64]
    private let mask: Int
    private let key: UInt64

    /// Room for `count` pairs at no more than half load.
    init(count: Int) {
        var size = 16
        while size < count * 2 { size *= 2 }
        entries = [UInt64](repeating: .max, count: size * 2)
        mask = size - 1
        key = UInt64.random(in: .min ... .max)
    }

    static func value(rank: Int, result: Int32) -> Value { UInt64(rank) << 32 | UInt64(UInt32(bitPattern: result)) }

    @inline(__always)
    static func result(_ value: Value) -> Int32 { Int32(truncatingIfNeeded: value) }

    /// A pair that is there already gets the new value, as a later line of a merge list replaces an earlier one.
    mutating func insert(_ left: Int32, _ right: Int32, _ value: Value) {
        let pair = Self.pair(left, right)
        var slot = Int(truncatingIfNeeded: KeyedHash.mix(pair ^ key)) & mask
        while entries[slot * 2] != .max, entries[slot * 2] != pair { slot = (slot + 1) & mask }
        entries[slot * 2] = pair
        entries[slot * 2 + 1] = value
    }

    /// `none` for pairs that do not merge, among them all with a negative id.
    @inline(__always)
    func find(_ left: Int32, _ right: Int32) -> Value {
        let pair = Self.pair(left, right)
        var slot = Int(truncatingIfNeeded: KeyedHash.mix(pair ^ key)) & mask
        while true {
            let found = entries[slot * 2]
            // The key of an empty slot is the pair (-1, -1); its value is `none`.
            if found == pair || found == .max { return entries[slot * 2 + 1] }
            slot = (slot + 1) & mask
        }
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
