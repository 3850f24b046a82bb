/// The first 128 bytes of a file; `Format.md` has the table.
struct Preamble: Equatable {
    static let length = 128
    static let version: UInt32 = 1
    /// A byte above 127 and line ends of both kinds: a transfer as text damages it visibly.
    static let magic: [UInt8] = [0x89, 0x49, 0x53, 0x54, 0x45, 0x52, 0x0D, 0x0A]
    /// Bytes before the preamble's own checksum.
    private static let signedLength = 96

    /// Bytes of the JSON header, trailing spaces included.
    var headerLength: Int
    /// Bytes of the whole file, padding included.
    var fileLength: Int
    /// 32 bytes.
    var headerDigest: [UInt8]

    func encoded() -> [UInt8] {
        var bytes = Self.magic
        append(UInt64(Self.version), 4, to: &bytes)
        append(UInt64(Self.length), 4, to: &bytes)
        append(UInt64(headerLength), 8, to: &bytes)
        append(UInt64(fileLength), 8, to: &bytes)
        bytes += headerDigest
        bytes += [UInt8](repeating: 0, count: Self.signedLength - bytes.count)
        return bytes + Digest256.of(bytes)
    }

    private func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
        for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }

    /// `bytes`: the first 128 of the file. The order is magic, version, checksum, fields: a later version may lay out
    /// the rest in another way.
    static func decode(_ bytes: [UInt8]) throws(ModelFileDefect) -> Preamble {
        guard bytes.count == length else { throw .notAModelFile }
        guard Array(bytes[0..<8]) == magic else { throw .notAModelFile }
        let version = UInt32(truncatingIfNeeded: number(bytes, 8..<12))
        guard version == Self.version else { throw .unsupportedVersion(found: version, needed: Self.version) }
        let found = Digest256.of(Array(bytes[0..<signedLength]))
        guard found == Array(bytes[signedLength...]) else {
            throw .preambleDamaged("its checksum does not match bytes 0 to 95")
        }
        guard number(bytes, 12..<16) == UInt64(length) else { throw .preambleDamaged("its length is not 128") }
        guard bytes[64..<signedLength].allSatisfy({ $0 == 0 }) else {
            throw .preambleDamaged("reserved bytes 64 to 95 are not zero")
        }
        let headerLength = number(bytes, 16..<24)
        guard headerLength <= UInt64(HeaderCoding.lengthLimit) else {
            throw .headerTooLong(found: headerLength, limit: HeaderCoding.lengthLimit)
        }
        guard let fileLength = Int(exactly: number(bytes, 24..<32)) else {
            throw .preambleDamaged("the file length is above 2^63")
        }
        return Preamble(
            headerLength: Int(headerLength), fileLength: fileLength, headerDigest: Array(bytes[32..<64]))
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        range.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }
}
