/// A call of a function, as an answer tells it.
struct ToolCall: Sendable, Equatable {
    var name: String
    /// A JSON object, as the model wrote it.
    var arguments: String
}

/// Parts calls from text while it comes. Text that may become a call waits; what turns out to be none is text again, to
/// the last byte. Only white space beside calls is dropped. Where a constraint holds calls they are told while they
/// come.
struct ToolCallParser: Sendable {
    enum Output: Sendable, Equatable {
        case text(String)
        case call(ToolCall)
        /// A call whose arguments follow in parts.
        case begun(name: String)
        case arguments(String, isLast: Bool)
    }

    private let form: ToolSyntax.Form
    private let names: Set<String>
    private let opening: [UInt8]
    /// Whether a constraint makes sure of calls that have begun.
    private let isHeld: Bool
    /// What an answer that is a call without a mark must begin with; empty: with a brace.
    private let heads: [[UInt8]]
    /// Follows the calls that are under way.
    private var scanner: CallScanner?
    private var held: [UInt8] = []
    /// White space at the end of the text so far: a call may follow.
    private var blank: [UInt8] = []
    private var isTextShown = false
    /// `held` is inside a call.
    private var isOpen = false
    /// Nothing but white space has come.
    private var isAtStart = true
    /// At the start is no call that can be told while it comes.
    private var hasLooked = false
    private var outputs: [Output] = []
    private(set) var callCount = 0

    /// names: of the functions that can be called.
    init(_ form: ToolSyntax.Form, names: Set<String>, isHeld: Bool = false, refusesOtherOpenings: Bool = false) {
        self.form = form
        self.names = names
        self.isHeld = isHeld
        heads = refusesOtherOpenings ? ToolSyntax.bareHeads : []
        opening = Array(form.opening.utf8)
    }

    mutating func push(_ text: String) -> [Output] {
        held += text.utf8
        while scanner != nil ? scan() : isOpen ? close() : open() {}
        return take()
    }

    /// No text follows.
    mutating func finish() -> [Output] {
        if scanner?.hasBegun == true {
            // What is left is the rest of a mark, or white space.
        } else if isOpen {
            if !readCalls(held) { show(opening + held) }
        } else if form == .bare, isAtStart, mayBeCall {
            if !readCalls(held) { show(held) }
        } else {
            show(held)
        }
        held = []
        isOpen = false
        scanner = nil
        if callCount == 0, !blank.isEmpty { outputs.append(.text(String(decoding: blank, as: UTF8.self))) }
        blank = []
        return take()
    }

    private mutating func take() -> [Output] {
        defer { outputs = [] }
        return outputs
    }

    /// Looks for the beginning of a call; true: found.
    private mutating func open() -> Bool {
        if form == .bare, isAtStart {
            let space = held.prefix { Self.isSpace($0) }
            blank += space
            held.removeFirst(space.count)
            // The whole answer is a call, or none of it.
            if held.isEmpty || mayBeCall { return follow(isHeld && !hasLooked && hasHead) }
        }
        if let place = held.firstRange(of: opening) {
            show(Array(held[..<place.lowerBound]))
            held.removeSubrange(..<place.upperBound)
            isOpen = true
            isAtStart = false
            _ = follow(isHeld)
            return true
        }
        let count = held.count - undecidedCount()
        show(Array(held[..<count]))
        held.removeFirst(count)
        return false
    }

    /// What is held, after white space, is the beginning of an answer that is a call.
    private var mayBeCall: Bool {
        guard held.first == UInt8(ascii: "{") else { return false }
        return heads.isEmpty || heads.contains { held.starts(with: $0) || $0.starts(with: held) }
    }

    private var hasHead: Bool { heads.isEmpty || heads.contains { held.starts(with: $0) } }

    /// Looks for a call that is told while it comes.
    private mutating func follow(_ follows: Bool) -> Bool {
        guard follows, !held.isEmpty || isOpen else { return false }
        scanner = CallScanner(names: names)
        hasLooked = true
        return true
    }

    /// Tells of a call under way what has come; true: go on.
    private mutating func scan() -> Bool {
        guard let event = scanner?.next(&held) else { return false }
        switch event {
        case .begun(let name):
            // Between two pieces of text it keeps them apart.
            if !isTextShown { blank = [] }
            callCount += 1
            outputs.append(.begun(name: name))
        case .arguments(let part, let isLast):
            outputs.append(.arguments(String(decoding: part, as: UTF8.self), isLast: isLast))
        case .over: return endCalls()
        }
        return true
    }

    private mutating func endCalls() -> Bool {
        guard scanner?.hasBegun == true else {
            scanner = nil
            return true
        }
        let end = Array((form == .tagged ? ToolSyntax.Form.closing : form == .list ? "]" : "").utf8)
        let rest = held.drop(while: Self.isSpace)
        // The mark may still come.
        if rest.count < end.count, end.starts(with: rest) { return false }
        if rest.starts(with: end) { held = Array(rest.dropFirst(end.count)) }
        (scanner, isOpen, isAtStart) = (nil, false, false)
        return true
    }

    /// Looks for the end of a call; true: found.
    private mutating func close() -> Bool {
        // The other forms end with the answer.
        guard form == .tagged, let place = held.firstRange(of: Array(ToolSyntax.Form.closing.utf8)) else {
            return false
        }
        let body = Array(held[..<place.lowerBound])
        if !readCalls(body) { show(opening + held[..<place.upperBound]) }
        held.removeSubrange(..<place.upperBound)
        isOpen = false
        return true
    }

    /// How many bytes at the end could be the beginning of a mark.
    private func undecidedCount() -> Int {
        (0..<min(opening.count, held.count + 1)).last { held.suffix($0).elementsEqual(opening.prefix($0)) } ?? 0
    }

    private mutating func show(_ text: [UInt8]) {
        guard !text.isEmpty else { return }
        isAtStart = isAtStart && text.allSatisfy(Self.isSpace)
        blank += text
        let count = blank.count - blank.reversed().prefix { Self.isSpace($0) }.count
        guard count > 0 else { return }
        outputs.append(.text(String(decoding: blank[..<count], as: UTF8.self)))
        isTextShown = true
        blank.removeFirst(count)
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// Reads all of a text as calls; false: it is none.
    private mutating func readCalls(_ text: [UInt8]) -> Bool {
        guard let value = try? JSONReader.read(text) else { return false }
        var calls: [ToolCall] = []
        if form == .list {
            guard case .array(let values) = value, !values.isEmpty else { return false }
            let parts = RawJSON.elements(text)
            for (value, part) in zip(values, parts) {
                guard let call = call(value, part) else { return false }
                calls.append(call)
            }
        } else {
            guard let call = call(value, text[...]) else { return false }
            calls.append(call)
        }
        // Between two pieces of text it keeps them apart.
        if !isTextShown { blank = [] }
        callCount += calls.count
        outputs += calls.map { .call($0) }
        return true
    }

    private func call(_ value: JSONValue, _ text: ArraySlice<UInt8>) -> ToolCall? {
        guard case .object(let object) = value, case .string(let name)? = object["name"], names.contains(name) else {
            return nil
        }
        guard let key = ["arguments", "parameters"].first(where: { object[$0] != nil }) else {
            return ToolCall(name: name, arguments: "{}")
        }
        switch object[key] {
        case .object:
            guard let raw = RawJSON.member(key, of: text) else { return nil }
            return ToolCall(name: name, arguments: String(decoding: raw, as: UTF8.self))
        case .string(let text):
            guard let inner = try? JSONReader.read(Array(text.utf8)), case .object = inner else { return nil }
            return ToolCall(name: name, arguments: text)
        default: return nil
        }
    }
}
