/// Finds stop strings in streamed text. Text that may be the beginning of a stop string is held back until it is known;
/// a stop string itself is never given out. Works on UTF-8 bytes: canonical equivalence plays no part.
public struct StopText: Sendable {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// A stop string was found; whatever follows is dropped.
    public private(set) var isStopped = false

    /// Empty stop strings are ignored.
    public init(_ stops: [String]) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
    }

    /// Takes the next piece and returns the bytes that can be shown now.
    public mutating func push(_ piece: some Sequence<UInt8>) -> [UInt8] {
        guard !isStopped else { return [] }
        held.append(contentsOf: piece)
        if let start = firstStop() {
            isStopped = true
            let shown = Array(held[..<start])
            held = []
            return shown
        }
        let count = held.count - undecidedCount()
        let shown = Array(held[..<count])
        held.removeFirst(count)
        return shown
    }

    /// The text is over: what was held back turned out to be no stop string.
    public mutating func finish() -> [UInt8] {
        let shown = held
        held = []
        return shown
    }

    /// Where the earliest stop string begins.
    private func firstStop() -> Int? {
        held.indices.first { start in
            stops.contains { held[start...].starts(with: $0) }
        }
    }

    /// How many bytes at the end could be the beginning of a stop string.
    private func undecidedCount() -> Int {
        let start = held.indices.first { start in
            stops.contains { $0.starts(with: held[start...]) }
        }
        return held.count - (start ?? held.count)
    }
}
