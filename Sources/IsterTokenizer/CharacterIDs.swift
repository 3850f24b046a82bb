/// Id of each single character: a flat table for the basic plane, a dictionary beyond.
struct CharacterIDs: Sendable {
    private var basic = [Int32](repeating: -1, count: 0x10000)
    private var beyond: [Int: Int32] = [:]

    init() {}

    /// Characters that are by themselves one of the first `count` pieces that `includes` picks; of equal pieces the
    /// lowest id.
    init(_ pieces: PieceList, count: Int, includes: (Int) -> Bool = { _ in true }) {
        for id in 0..<count where includes(id) {
            let range = pieces.range(id)
            if range.isEmpty { continue }
            let (value, length) = UTF8Text.scalar(pieces.bytes, range.lowerBound)
            if length == range.count, self[value] < 0 { self[value] = Int32(id) }
        }
    }

    /// -1 when there is none. `scalar` <= 0x10FFFF.
    @inline(__always)
    subscript(scalar: Int) -> Int32 {
        get { scalar < 0x10000 ? basic[scalar] : beyond[scalar] ?? -1 }
        set { if scalar < 0x10000 { basic[scalar] = newValue } else { beyond[scalar] = newValue } }
    }
}
