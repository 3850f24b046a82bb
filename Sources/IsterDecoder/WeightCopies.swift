internal import CIsterKernels
internal import Glibc

/// Copies of weights. Where memory has several nodes, the pages of a mapped file lie wherever they were read first;
/// copies that each worker writes for itself lie beside it. Where it has one, they lie in pages of 2 MiB.
@safe struct WeightCopies {
    /// A worker's own panels of one matrix.
    @safe private struct Piece {
        let source: UnsafeRawPointer
        let offset: Int
        let bytes: Int
    }

    let placement: Placement
    private var pieces: [[Piece]]
    private var bytes = 0

    init(_ placement: Placement) {
        self.placement = placement
        pieces = Array(repeating: [], count: placement.nodeOfWorker.count)
    }

    /// Plans copies of matrices that are multiplied in one distribution, in this order. Returns their offsets.
    mutating func add(_ matrices: [WeightMatrix]) -> [Int] {
        let items = matrices.reduce(0) { $0 + $1.panelCount }
        var firstItem = 0
        return matrices.map { matrix in
            defer { firstItem += matrix.panelCount }
            return add(matrix, items: items, firstItem: firstItem)
        }
    }

    /// Plans a copy of a matrix whose distribution has `items`, each of `panelsPerItem` panels of it.
    mutating func add(_ weights: WeightMatrix, items: Int, firstItem: Int = 0, panelsPerItem: Int = 1) -> Int {
        let matrix = unsafe weights.matrix
        let panelBytes = unsafe ister_panel_bytes(matrix.format, matrix.columns)
        let start = bytes
        for worker in pieces.indices {
            let own = placement.panels(
                ofWorker: worker, items: items, firstItem: firstItem, panelsPerItem: panelsPerItem,
                panelCount: weights.panelCount)
            unsafe pieces[worker].append(
                Piece(
                    source: matrix.panels + own.lowerBound * panelBytes, offset: start + own.lowerBound * panelBytes,
                    bytes: own.count * panelBytes))
        }
        bytes += (weights.panelCount * panelBytes + 4095) / 4096 * 4096
        return start
    }

    /// Writes the copies, each worker its own. Small pages on several nodes: a large one would belong to several
    /// workers.
    func write(_ team: Team) throws(DecoderError) -> AnonymousMemory {
        let memory = try AnonymousMemory(bytes: bytes, hugePages: !placement.isSpread)
        let written = UnsafeMutableBufferPointer<Bool>.allocate(capacity: pieces.count)
        defer { unsafe written.deallocate() }
        unsafe written.initialize(repeating: false)
        var job = unsafe Job(copies: self, base: memory.base, written: written)
        unsafe team.run(&job) { context, _, worker in
            unsafe context.assumingMemoryBound(to: Job.self).pointee.write(worker)
        }
        // A team may run with fewer workers than were asked for.
        for worker in pieces.indices where unsafe !written[worker] { job.write(worker) }
        return memory
    }

    @safe private struct Job {
        let copies: WeightCopies
        let base: UnsafeMutableRawPointer
        let written: UnsafeMutableBufferPointer<Bool>

        func write(_ worker: Int) {
            for piece in copies.pieces[worker] {
                unsafe (base + piece.offset).copyMemory(from: piece.source, byteCount: piece.bytes)
            }
            unsafe written[worker] = true
        }
    }
}
