/// A line being edited: its characters, the cursor, and the lines before it. Knows no terminal.
struct ChatLine {
    enum Outcome: Equatable {
        case editing
        case entered(String)
        case interrupted
        case ended
        case clearScreen
    }

    private(set) var characters: [Character] = []
    private(set) var cursor = 0
    private var history: [String] = []
    /// Where in the history; its count: the new line.
    private var place = 0
    /// The new line, while older ones are shown.
    private var draft = ""
    static let historyLimit = 500

    mutating func handle(_ key: ChatKey) -> Outcome {
        switch key {
        case .text(let text): insert(text)
        case .paste(let text): insert(Self.pasted(text))
        case .enter: return enter()
        case .interrupt:
            replace(with: "")
            place = history.count
            return .interrupted
        case .endOfInput:
            if characters.isEmpty { return .ended }
            erase(cursor..<min(cursor + 1, characters.count))
        case .clearScreen: return .clearScreen
        case .backspace: erase(max(cursor - 1, 0)..<cursor)
        case .delete: erase(cursor..<min(cursor + 1, characters.count))
        case .eraseWord: erase(wordStart..<cursor)
        case .eraseBefore: erase(0..<cursor)
        case .eraseAfter: erase(cursor..<characters.count)
        case .left: cursor = max(cursor - 1, 0)
        case .right: cursor = min(cursor + 1, characters.count)
        case .home: cursor = 0
        case .end: cursor = characters.count
        case .wordLeft: cursor = wordStart
        case .wordRight: cursor = wordEnd
        case .up: recall(place - 1)
        case .down: recall(place + 1)
        }
        return .editing
    }

    private mutating func enter() -> Outcome {
        let text = String(characters)
        if !text.isEmpty, history.last != text {
            history.append(text)
            if history.count > Self.historyLimit { history.removeFirst() }
        }
        place = history.count
        replace(with: "")
        draft = ""
        return .entered(text)
    }

    private mutating func recall(_ wanted: Int) {
        guard (0...history.count).contains(wanted) else { return }
        if place == history.count { draft = String(characters) }
        place = wanted
        replace(with: wanted == history.count ? draft : history[wanted])
    }

    private mutating func insert(_ text: String) {
        // Joined as a whole: a combining mark belongs to the character before it.
        let before = String(characters[..<cursor]) + text
        let after = characters[cursor...]
        characters = Array(before) + after
        cursor = characters.count - after.count
    }

    private mutating func erase(_ range: Range<Int>) {
        characters.removeSubrange(range)
        cursor = range.lowerBound
    }

    private mutating func replace(with text: String) {
        characters = Array(text)
        cursor = characters.count
    }

    private var wordStart: Int {
        var index = cursor
        while index > 0, characters[index - 1].isWhitespace { index -= 1 }
        while index > 0, !characters[index - 1].isWhitespace { index -= 1 }
        return index
    }

    private var wordEnd: Int {
        var index = cursor
        while index < characters.count, characters[index].isWhitespace { index += 1 }
        while index < characters.count, !characters[index].isWhitespace { index += 1 }
        return index
    }

    /// Line ends of any kind become "\n"; other control characters would be sent to the terminal and are left out.
    private static func pasted(_ text: String) -> String {
        var result = ""
        for character in text {
            if character.isNewline {
                result.append("\n")
            } else if character == "\t" {
                result += "    "
            } else if character.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) {
                result.append(character)
            }
        }
        return result
    }

    /// The part of the line that fits in `width` columns around the cursor, and the cursor's column in it.
    func window(width: Int) -> (text: String, column: Int) {
        let shown = characters.map { $0 == "\n" ? "↵" : $0 }
        let widths = shown.map(Self.columns)
        var start = cursor
        var column = 0
        while start > 0, column + widths[start - 1] < width {
            start -= 1
            column += widths[start]
        }
        var end = cursor
        var used = column
        while end < shown.count, used + widths[end] < width {
            used += widths[end]
            end += 1
        }
        return (String(shown[start..<end]), column)
    }

    /// Scripts whose characters take two columns (Unicode's East Asian Width, W and F, in large ranges).
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
    ]

    private static func columns(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if character.unicodeScalars.contains(where: { $0.properties.isEmojiPresentation || $0.value == 0xFE0F }) {
            return 2
        }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wideRanges.contains { $0.contains(first.value) } ? 2 : 1
        }
    }
}
