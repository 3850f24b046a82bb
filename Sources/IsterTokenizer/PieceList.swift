/// Byte strings in one array: a vocabulary of 128,000 pieces costs two allocations.
public struct PieceList: Sendable, Equatable {
    public private(set) var bytes: [UInt8] = []
    /// Piece i covers bytes[ends[i - 1]..<ends[i]], the first from 0.
    private var ends: [Int] = []

    public init() {}

    public init(_ pieces: some Sequence<[UInt8]>) {
        for piece in pieces { append(piece) }
    }

    /// `bytes` holds pieces of the given lengths one after another; nil when the lengths do not add up.
    init?(bytes: [UInt8], lengths: [UInt32]) {
        ends.reserveCapacity(lengths.count)
        var end = 0
        for length in lengths {
            end += Int(length)
            guard end <= bytes.count else { return nil }
            ends.append(end)
        }
        guard end == bytes.count else { return nil }
        self.bytes = bytes
    }

    public var count: Int { ends.count }

    public mutating func reserveCapacity(count: Int, bytes byteCount: Int) {
        ends.reserveCapacity(count)
        bytes.reserveCapacity(byteCount)
    }

    public mutating func append(_ piece: some Sequence<UInt8>) {
        bytes.append(contentsOf: piece)
        ends.append(bytes.count)
    }

    public subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    @inline(__always)
    func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }
}
