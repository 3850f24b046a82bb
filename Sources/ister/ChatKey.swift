/// What a person typed, out of the bytes that a terminal sends.
enum ChatKey: Equatable {
    case text(String)
    /// A paste keeps its line ends.
    case paste(String)
    case enter, backspace, delete, left, right, home, end, up, down
    case wordLeft, wordRight, eraseWord, eraseBefore, eraseAfter
    case interrupt, endOfInput, clearScreen
}

/// Turns bytes into keys. Sequences that it does not know are swallowed whole, so that they never become text.
struct ChatKeyParser {
    private enum State {
        case plain
        case escape
        /// After ESC [ or ESC O: parameters so far.
        case sequence([UInt8])
        case paste([UInt8])
        case scalar([UInt8], missing: Int)
    }

    private static let pasteEnd: [UInt8] = [0x1B] + "[201~".utf8
    /// A paste longer than this ends here; the rest is read as if typed.
    private static let pasteLimit = 1 << 20
    private var state = State.plain

    /// The key that this byte completes.
    mutating func take(_ byte: UInt8) -> ChatKey? {
        switch state {
        case .plain: return plain(byte)
        case .escape: return afterEscape(byte)
        case .sequence(let parameters): return inSequence(byte, parameters)
        case .paste(let text): return inPaste(byte, text)
        case .scalar(let bytes, let missing): return inScalar(byte, bytes, missing)
        }
    }

    private mutating func plain(_ byte: UInt8) -> ChatKey? {
        switch byte {
        case 0x01: return .home
        case 0x02: return .left
        case 0x03: return .interrupt
        case 0x04: return .endOfInput
        case 0x05: return .end
        case 0x06: return .right
        case 0x08, 0x7F: return .backspace
        case 0x09: return .text("    ")
        case 0x0A, 0x0D: return .enter
        case 0x0B: return .eraseAfter
        case 0x0C: return .clearScreen
        case 0x0E: return .down
        case 0x10: return .up
        case 0x15: return .eraseBefore
        case 0x17: return .eraseWord
        case 0x1B: state = .escape
        case 0x20..<0x7F: return .text(String(decoding: [byte], as: UTF8.self))
        case 0xC2..<0xE0: state = .scalar([byte], missing: 1)
        case 0xE0..<0xF0: state = .scalar([byte], missing: 2)
        case 0xF0..<0xF5: state = .scalar([byte], missing: 3)
        default: break
        }
        return nil
    }

    private mutating func inScalar(_ byte: UInt8, _ bytes: [UInt8], _ missing: Int) -> ChatKey? {
        guard byte & 0xC0 == 0x80 else {
            state = .plain
            return plain(byte)
        }
        let bytes = bytes + [byte]
        state = missing > 1 ? .scalar(bytes, missing: missing - 1) : .plain
        return missing > 1 ? nil : .text(String(decoding: bytes, as: UTF8.self))
    }

    private mutating func afterEscape(_ byte: UInt8) -> ChatKey? {
        state = .plain
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "O"): state = .sequence([])
        case UInt8(ascii: "b"): return .wordLeft
        case UInt8(ascii: "f"): return .wordRight
        case 0x7F: return .eraseWord
        default: break
        }
        return nil
    }

    private mutating func inSequence(_ byte: UInt8, _ parameters: [UInt8]) -> ChatKey? {
        guard (0x40...0x7E).contains(byte) else {
            state = parameters.count < 16 ? .sequence(parameters + [byte]) : .plain
            return nil
        }
        state = .plain
        let isWord = parameters.ends(with: ";5".utf8) || parameters.ends(with: ";3".utf8)
        switch byte {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return isWord ? .wordRight : .right
        case UInt8(ascii: "D"): return isWord ? .wordLeft : .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "~"): return numbered(parameters)
        default: return nil
        }
    }

    private mutating func numbered(_ parameters: [UInt8]) -> ChatKey? {
        switch String(decoding: parameters, as: UTF8.self) {
        case "1", "7": return .home
        case "3": return .delete
        case "4", "8": return .end
        case "200": state = .paste([])
        default: break
        }
        return nil
    }

    private mutating func inPaste(_ byte: UInt8, _ text: [UInt8]) -> ChatKey? {
        // The state holds the only other copy: given up first, the bytes grow in place.
        state = .plain
        var text = text
        text.append(byte)
        let isEnd = text.ends(with: Self.pasteEnd)
        guard isEnd || text.count >= Self.pasteLimit else {
            state = .paste(text)
            return nil
        }
        if isEnd { text.removeLast(Self.pasteEnd.count) }
        return .paste(String(decoding: text, as: UTF8.self))
    }
}

extension Array<UInt8> {
    fileprivate func ends(with other: some BidirectionalCollection<UInt8>) -> Bool {
        suffix(other.count).elementsEqual(other)
    }
}
