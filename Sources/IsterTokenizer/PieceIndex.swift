/// Byte string to id by open addressing. The hash is keyed by a random number, so that no vocabulary can be made
/// whose pieces all collide.
struct PieceIndex: Sendable {
    private var slots: [Int32]
    private let mask: Int
    private let key: UInt64

    /// Indexes the pieces that `includes` picks; of equal pieces the one with the lowest id.
    init(_ pieces: PieceList, includes: (Int) -> Bool = { _ in true }) {
        var size = 16
        while size < pieces.count * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        mask = size - 1
        key = UInt64.random(in: .min ... .max)
        for id in 0..<pieces.count where includes(id) {
            let range = pieces.range(id)
            if range.isEmpty { continue }
            var slot = hash(pieces.bytes, range) & mask
            while slots[slot] >= 0, !pieces.isEqual(Int(slots[slot]), pieces.bytes, range) { slot = (slot + 1) & mask }
            if slots[slot] < 0 { slots[slot] = Int32(id) }
        }
    }

    /// Id of text[range] in the list this was made from, -1 when there is none.
    func find(_ text: [UInt8], _ range: Range<Int>, in pieces: PieceList) -> Int32 {
        var slot = hash(text, range) & mask
        while slots[slot] >= 0 {
            if pieces.isEqual(Int(slots[slot]), text, range) { return slots[slot] }
            slot = (slot + 1) & mask
        }
        return -1
    }

    func find(_ text: [UInt8], in pieces: PieceList) -> Int32 { find(text, 0..<text.count, in: pieces) }

    @inline(__always)
    private func hash(_ text: [UInt8], _ range: Range<Int>) -> Int {
        var state = key &+ UInt64(range.count)
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            var word: UInt64 = 0
            for offset in 0..<8 { word |= UInt64(text[index + offset]) << UInt64(offset * 8) }
            state = KeyedHash.mix(state ^ word)
            index += 8
        }
        var word: UInt64 = 0
        while index < range.upperBound {
            word = word << 8 | UInt64(text[index])
            index += 1
        }
        return Int(truncatingIfNeeded: KeyedHash.mix(state ^ word))
    }
}

enum KeyedHash {
    /// Both halves of a 128-bit product folded: every input bit reaches every output bit.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

extension PieceList {
    @inline(__always)
    func isEqual(_ index: Int, _ text: [UInt8], _ other: Range<Int>) -> Bool {
        let own = range(index)
        guard own.count == other.count else { return false }
        for offset in 0..<own.count where bytes[own.lowerBound + offset] != text[other.lowerBound + offset] {
            return false
        }
        return true
    }
}
