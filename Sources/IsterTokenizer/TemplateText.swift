/// Text of a template run: one unit a Unicode scalar, whose top bit says whether the template itself wrote it.
/// Every cut and join keeps that bit, so the result still knows what came from a user. Indices count scalars, as
/// Python's do.
struct TemplateText: Sendable {
    var units: [UInt32]
    /// Python's `Markup`: what is added to it gets escaped.
    var isMarkup = false

    static let trustBit: UInt32 = 1 << 31
    static let scalarMask: UInt32 = (1 << 21) - 1

    init(_ units: some Sequence<UInt32>, isMarkup: Bool = false) {
        self.units = Array(units)
        self.isMarkup = isMarkup
    }

    init(_ text: String, isTrusted: Bool) {
        let bit = isTrusted ? Self.trustBit : 0
        units = text.unicodeScalars.map { $0.value | bit }
    }

    var count: Int { units.count }

    var string: String { Self.string(units[...]) }

    static func string(_ units: ArraySlice<UInt32>) -> String {
        var text = String.UnicodeScalarView()
        for unit in units { text.append(scalar(unit)) }
        return String(text)
    }

    static func scalar(_ unit: UInt32) -> Unicode.Scalar { Unicode.Scalar(unit & scalarMask) ?? "\u{FFFD}" }

    static func byteCount(_ unit: UInt32) -> Int {
        let value = unit & scalarMask
        return value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4
    }

    func isEqual(_ text: String) -> Bool {
        var index = 0
        for scalar in text.unicodeScalars {
            guard index < count, units[index] & Self.scalarMask == scalar.value else { return false }
            index += 1
        }
        return index == count
    }

    /// Equality of the characters, whoever wrote them.
    func isEqual(_ other: TemplateText) -> Bool { count == other.count && hasPart(other, at: 0) }

    func hasPart(_ part: TemplateText, at start: Int) -> Bool {
        guard start >= 0, start <= count, part.count <= count - start else { return false }
        for offset in 0..<part.count where (units[start + offset] ^ part.units[offset]) & Self.scalarMask != 0 {
            return false
        }
        return true
    }

    /// First place at or after `start` where `part` begins; Knuth, Morris and Pratt, as both texts may be a user's.
    func firstIndex(of part: TemplateText, from start: Int = 0) -> Int? {
        if part.count == 0 { return start <= count ? start : nil }
        let wanted = part.units.map { $0 & Self.scalarMask }
        let borders = Self.borders(wanted)
        var matched = 0
        var index = start
        while index < count {
            let unit = units[index] & Self.scalarMask
            while matched > 0, unit != wanted[matched] { matched = borders[matched - 1] }
            if unit == wanted[matched] { matched += 1 }
            index += 1
            if matched == wanted.count { return index - matched }
        }
        return nil
    }

    /// For each prefix, the length of its longest proper prefix that is also its suffix.
    private static func borders(_ units: [UInt32]) -> [Int] {
        var borders = [Int](repeating: 0, count: units.count)
        var length = 0
        for index in units.indices.dropFirst() {
            while length > 0, units[index] != units[length] { length = borders[length - 1] }
            if units[index] == units[length] { length += 1 }
            borders[index] = length
        }
        return borders
    }

    var reversed: TemplateText { TemplateText(units.reversed(), isMarkup: isMarkup) }

    func lastIndex(of part: TemplateText) -> Int? {
        reversed.firstIndex(of: part.reversed).map { count - $0 - part.count }
    }

    /// Order of the code points.
    func isBefore(_ other: TemplateText) -> Bool {
        for index in 0..<min(count, other.count) {
            let left = units[index] & Self.scalarMask
            let right = other.units[index] & Self.scalarMask
            if left != right { return left < right }
        }
        return count < other.count
    }

    func part(_ range: Range<Int>) -> TemplateText { TemplateText(units[range]) }

    /// Python's `str.isspace` of one character.
    static func isSpace(_ unit: UInt32) -> Bool {
        switch unit & scalarMask {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    static func isLineEnd(_ unit: UInt32) -> Bool {
        switch unit & scalarMask {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Without the characters of `set` (white space when nil) at its ends.
    func stripped(_ set: TemplateText? = nil, start: Bool = true, end: Bool = true) -> TemplateText {
        let members = set.map { Set($0.units.map { $0 & Self.scalarMask }) }
        func isStripped(_ unit: UInt32) -> Bool { members?.contains(unit & Self.scalarMask) ?? Self.isSpace(unit) }
        var low = 0
        var high = count
        if start { while low < high, isStripped(units[low]) { low += 1 } }
        if end { while low < high, isStripped(units[high - 1]) { high -= 1 } }
        return TemplateText(units[low..<high], isMarkup: isMarkup)
    }
}

extension TemplateText {
    /// Each scalar replaced by its mapping, which takes over who wrote it.
    func mapped(_ mapping: (Unicode.Scalar) -> String) -> TemplateText {
        var out: [UInt32] = []
        out.reserveCapacity(count)
        for unit in units { Self.append(mapping(Self.scalar(unit)), like: unit, &out) }
        return TemplateText(out, isMarkup: isMarkup)
    }

    static func append(_ text: String, like unit: UInt32, _ out: inout [UInt32]) {
        for scalar in text.unicodeScalars { out.append(scalar.value | unit & trustBit) }
    }

    var lowercased: TemplateText { mapped { $0.properties.lowercaseMapping } }
    var uppercased: TemplateText { mapped { $0.properties.uppercaseMapping } }

    /// First character in title case, the others in lower case.
    var capitalized: TemplateText {
        guard let first = units.first else { return self }
        var out: [UInt32] = []
        Self.append(Self.scalar(first).properties.titlecaseMapping, like: first, &out)
        return TemplateText(out + part(1..<count).lowercased.units, isMarkup: isMarkup)
    }

    /// Python's `str.title`: a letter after a letter is lower case.
    var titled: TemplateText {
        var isInWord = false
        return mapped { scalar in
            defer { isInWord = scalar.properties.isCased }
            return isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
        }
    }

    /// What HTML would read as markup, escaped.
    var escaped: TemplateText {
        if isMarkup { return self }
        var text = mapped {
            switch $0 {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "'": "&#39;"
            case "\"": "&#34;"
            default: String($0)
            }
        }
        text.isMarkup = true
        return text
    }

    func lines(keepingEnds: Bool = false) -> [TemplateText] {
        var lines: [TemplateText] = []
        var start = 0
        var index = 0
        while index < count {
            guard Self.isLineEnd(units[index]) else {
                index += 1
                continue
            }
            let isPair =
                units[index] & Self.scalarMask == 0x0D && index + 1 < count
                && units[index + 1] & Self.scalarMask == 0x0A
            let next = index + (isPair ? 2 : 1)
            lines.append(part(start..<(keepingEnds ? next : index)))
            start = next
            index = next
        }
        if start < count { lines.append(part(start..<count)) }
        return lines
    }
}
