/// Reads the number that a text answers with.
enum TaskAnswer {
    /// The number after `####`, else the last one. Digits may be grouped by commas.
    static func number(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        let mark = Array("####".utf8)
        if let start = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) {
            if let marked = numbers(in: bytes[(start + mark.count)...]).first { return marked }
        }
        return numbers(in: bytes[...]).last
    }

    private static func numbers(in text: ArraySlice<UInt8>) -> [Double] {
        var found: [Double] = []
        var at = text.startIndex
        while at < text.endIndex {
            guard isDigit(text[at]) else {
                at += 1
                continue
            }
            var digits: [UInt8] = []
            if at > text.startIndex, text[at - 1] == UInt8(ascii: "-") { digits.append(UInt8(ascii: "-")) }
            at = take(text, at, &digits)
            if at + 1 < text.endIndex, text[at] == UInt8(ascii: "."), isDigit(text[at + 1]) {
                digits.append(UInt8(ascii: "."))
                at += 1
                while at < text.endIndex, isDigit(text[at]) {
                    digits.append(text[at])
                    at += 1
                }
            }
            if let value = Double(String(decoding: digits, as: UTF8.self)) { found.append(value) }
        }
        return found
    }

    /// Digits and the commas between them.
    private static func take(_ text: ArraySlice<UInt8>, _ start: Int, _ digits: inout [UInt8]) -> Int {
        var at = start
        while at < text.endIndex {
            if isDigit(text[at]) {
                digits.append(text[at])
            } else if text[at] != UInt8(ascii: ",") {
                break
            }
            at += 1
        }
        return at
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
