internal import Glibc

/// What the kernel tells of a process's mappings (/proc/self/smaps).
package enum MemoryMaps {
    package static func read() -> String {
        guard let file = unsafe fopen("/proc/self/smaps", "re") else { return "" }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Of file mappings that begin within the addresses: bytes in huge pages.
    static func hugePageBytes(_ text: String, in addresses: Range<UInt>) -> Int {
        sum(of: "FilePmdMapped:", in: text) { addresses.contains($0.lowerBound) }
    }

    /// Of anonymous mappings that share addresses with these: bytes in huge pages.
    package static func anonymousHugePageBytes(_ text: String, overlapping addresses: Range<UInt>) -> Int {
        sum(of: "AnonHugePages:", in: text) { addresses.overlaps($0) }
    }

    /// Sum of the lines "NAME: N kB" of some mappings.
    private static func sum(of name: String, in text: String, where isMeant: (Range<UInt>) -> Bool) -> Int {
        var isWithin = false
        var sum = 0
        // By bytes: a text of thousands of lines takes ten times as long by characters.
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            // Addresses are lower-case hexadecimal, names begin with a capital.
            if line.first.map({ $0 < UInt8(ascii: "A") || $0 > UInt8(ascii: "Z") }) ?? false {
                let place = line.prefix { $0 != UInt8(ascii: " ") }.split(separator: UInt8(ascii: "-"))
                let ends = place.compactMap { UInt(Substring($0), radix: 16) }
                isWithin = ends.count == 2 && ends[0] < ends[1] && isMeant(ends[0]..<ends[1])
            } else if isWithin, line.starts(with: name.utf8) {
                let digits = line.dropFirst(name.utf8.count).drop { $0 == UInt8(ascii: " ") }
                sum += (Int(Substring(digits.prefix { $0 != UInt8(ascii: " ") })) ?? 0) << 10
            }
        }
        return sum
    }
}
