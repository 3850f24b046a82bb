/// The classes that pre-tokenizer patterns speak of, one byte per scalar.
struct CharacterClass: Sendable {
    /// Low three bits of a class; from `space` on it is white space (`\s`).
    enum Kind {
        static let other: UInt8 = 0
        static let letter: UInt8 = 1
        static let number: UInt8 = 2
        static let space: UInt8 = 3
        /// Carriage return and line feed, white space that the newer patterns treat apart.
        static let newline: UInt8 = 4
        static let mask: UInt8 = 7
        /// A further bit: digit of the digit-splitting rule, which follows a newer Unicode than `\p{N}`.
        static let digit: UInt8 = 8
    }

    static let shared = CharacterClass()

    private let classes: [UInt8]

    private init() {
        let ranges = Self.ranges
        var classes = [UInt8](repeating: Kind.other, count: Int(ranges[ranges.count - 2]) + 1)
        for index in stride(from: 0, to: ranges.count, by: 3) {
            for scalar in ranges[index]...ranges[index + 1] { classes[Int(scalar)] = UInt8(ranges[index + 2]) }
        }
        for scalar in Self.whiteSpace { classes[scalar] = Kind.space }
        classes[0x0A] = Kind.newline
        classes[0x0D] = Kind.newline
        self.classes = classes
    }

    /// Unicode's White_Space, unchanged since Unicode 6.3.
    private static let whiteSpace =
        Array(0x09...0x0D) + [0x20, 0x85, 0xA0, 0x1680] + Array(0x2000...0x200A) + [
            0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
        ]

    /// Class bits and byte length of the scalar at `index` of valid text.
    @inline(__always)
    func at(_ text: [UInt8], _ index: Int) -> (bits: UInt8, length: Int) {
        let lead = text[index]
        if lead < 0x80 { return (classes[Int(lead)], 1) }
        let (value, length) = UTF8Text.scalar(text, index)
        return (value < classes.count ? classes[value] : Kind.other, length)
    }

    @inline(__always)
    func kind(_ text: [UInt8], _ index: Int) -> (kind: UInt8, length: Int) {
        let (bits, length) = at(text, index)
        return (bits & Kind.mask, length)
    }
}
