/// Follows calls while they are written, where a constraint makes sure that what has begun as one is one:
/// `{"name": …, "arguments": {…}}`, in a list or alone.
struct CallScanner: Sendable {
    enum Event: Sendable, Equatable {
        /// The arguments of a function begin.
        case begun(String)
        /// A part of them.
        case arguments([UInt8], isLast: Bool)
        /// Here is no call, or no further one. Nothing was taken of it.
        case over
    }

    private enum Phase {
        case between, head, arguments, tail
    }

    private let names: Set<String>
    private var phase = Phase.between
    /// Bytes of the head that were looked at.
    private var position = 0
    private var depth = 0
    private var strings = StringFollower()
    /// A call has begun: what was taken of it cannot become text again.
    private(set) var hasBegun = false

    init(names: Set<String>) {
        self.names = names
    }

    /// What comes next, taken from the front of `text`, which ends between two characters. nil: more text is needed.
    mutating func next(_ text: inout [UInt8]) -> Event? {
        switch phase {
        case .between: between(&text)
        case .head: head(&text)
        case .arguments: arguments(&text)
        case .tail: tail(&text)
        }
    }

    private mutating func between(_ text: inout [UInt8]) -> Event? {
        let skipped = text.prefix {
            ToolCallParser.isSpace($0) || $0 == UInt8(ascii: "[") || hasBegun && $0 == UInt8(ascii: ",")
        }
        guard skipped.count < text.count else { return nil }
        guard text[skipped.count] == UInt8(ascii: "{") else { return .over }
        (phase, position, strings) = (.head, skipped.count + 1, StringFollower())
        return head(&text)
    }

    /// Up to the brace of the arguments.
    private mutating func head(_ text: inout [UInt8]) -> Event? {
        while position < text.count {
            let byte = text[position]
            if !strings.take(byte), byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
                guard byte == UInt8(ascii: "{"), let name = name(text[..<position]) else { return .over }
                text.removeFirst(position)
                (phase, depth, hasBegun) = (.arguments, 0, true)
                return .begun(name)
            }
            position += 1
        }
        return nil
    }

    private func name(_ head: ArraySlice<UInt8>) -> String? {
        let object = head.drop { $0 != UInt8(ascii: "{") } + Array("0}".utf8)
        guard let value = try? JSONReader.read(Array(object)), case .object(let members) = value,
            case .string(let name)? = members["name"], names.contains(name), members.members.count == 2,
            members["arguments"] ?? members["parameters"] == 0
        else { return nil }
        return name
    }

    private mutating func arguments(_ text: inout [UInt8]) -> Event? {
        guard !text.isEmpty else { return nil }
        for (index, byte) in text.enumerated() where !strings.take(byte) {
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") { depth += 1 }
            guard byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") else { continue }
            depth -= 1
            if depth == 0 {
                defer { text.removeFirst(index + 1) }
                phase = .tail
                return .arguments(Array(text[...index]), isLast: true)
            }
        }
        defer { text = [] }
        return .arguments(text, isLast: false)
    }

    private mutating func tail(_ text: inout [UInt8]) -> Event? {
        let space = text.prefix(while: ToolCallParser.isSpace).count
        guard space < text.count else { return nil }
        guard text[space] == UInt8(ascii: "}") else { return .over }
        text.removeFirst(space + 1)
        phase = .between
        return between(&text)
    }
}
