/// What begins a document in the middle of free text.
public struct ConstraintOpening: Sendable, Equatable {
    /// At least one byte.
    public var text: [UInt8]
    /// A token that has no text and begins one, too.
    public var token: Int32?
    /// Counts only where nothing but white space came before it.
    public var isAtStart: Bool
    /// It is the document's own beginning.
    public var isIncluded: Bool

    public init(_ text: [UInt8], token: Int32? = nil, isAtStart: Bool = false, isIncluded: Bool = false) {
        self.text = text
        self.token = token
        self.isAtStart = isAtStart
        self.isIncluded = isIncluded
    }
}

/// Finds openings in text that comes byte by byte.
struct OpeningFinder: Sendable, Hashable {
    /// The longest end of the text that an opening begins with.
    private var tail: [UInt8] = []
    /// The text without the white space before it, while an opening at the start may still come of it.
    private var head: [UInt8]? = []

    /// Where text has come before.
    static let afterText = OpeningFinder(tail: [], head: nil)

    init() {}

    private init(tail: [UInt8], head: [UInt8]?) {
        (self.tail, self.head) = (tail, head)
    }

    /// Reads a byte; an opening that is whole now.
    mutating func take(_ byte: UInt8, _ openings: [ConstraintOpening]) -> ConstraintOpening? {
        if let found = takeHead(byte, openings) { return found }
        tail.append(byte)
        let anywhere = openings.lazy.filter { !$0.isAtStart }
        if let found = anywhere.first(where: { $0.text == tail }) { return found }
        while !tail.isEmpty, !anywhere.contains(where: { $0.text.starts(with: tail) }) { tail.removeFirst() }
        return nil
    }

    private mutating func takeHead(_ byte: UInt8, _ openings: [ConstraintOpening]) -> ConstraintOpening? {
        guard var text = head else { return nil }
        if text.isEmpty, byte == 0x20 || (0x09...0x0D).contains(byte) { return nil }
        text.append(byte)
        let atStart = openings.lazy.filter(\.isAtStart)
        if let found = atStart.first(where: { $0.text == text }) { return found }
        head = atStart.contains { $0.text.starts(with: text) } ? text : nil
        return nil
    }
}
