/// The printable alphabet of byte-level BPE: printable Latin-1 bytes stand for themselves, the other 68 for
/// U+0100, U+0101, ... in order (Radford et al. 2019, GPT-2's encoder).
enum ByteAlphabet {
    /// Scalar of each byte.
    static let scalars: [Unicode.Scalar] = {
        var scalars: [Unicode.Scalar] = []
        var shifted: UInt16 = 0x100
        for byte in UInt8.min ... .max {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: scalars.append(Unicode.Scalar(byte))
            default:
                scalars.append(Unicode.Scalar(shifted) ?? "\u{FFFD}")
                shifted += 1
            }
        }
        return scalars
    }()

    /// Byte of each scalar below U+0144, -1 where there is none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
        return bytes
    }()

    /// Sets `decoded` to the bytes of text[piece]; false when a character is not of the alphabet.
    static func decode(_ text: [UInt8], _ piece: Range<Int>, _ decoded: inout [UInt8]) -> Bool {
        decoded.removeAll(keepingCapacity: true)
        let bytes = Self.bytes
        var index = piece.lowerBound
        while index < piece.upperBound {
            let (value, length) = UTF8Text.scalar(text, index)
            guard value < bytes.count, bytes[value] >= 0 else { return false }
            decoded.append(UInt8(truncatingIfNeeded: bytes[value]))
            index += length
        }
        return true
    }
}
