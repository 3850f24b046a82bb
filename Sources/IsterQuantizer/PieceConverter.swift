internal import IsterCheckpoint
internal import IsterModelFile
internal import Synchronization

/// Does the items of a plan, from any thread, and keeps what they find out.
final class PieceConverter: Sendable {
    private let checkpoint: Checkpoint
    private let writer: ModelFileWriter
    private let plan: WorkPlan
    /// One entry an item, so that sums are added in one order whatever the threads did.
    private let errors: Mutex<[PanelPacking.ErrorSums]>
    private let digests: Mutex<[String]>
    /// Bytes of a source file that are in memory at once.
    private static let hashedBytes = 1 << 20
    /// What the weights of norms are divided by, by their tensors' index.
    private let divisors = Mutex<[Int: [Float]]>([:])

    init(checkpoint: Checkpoint, writer: ModelFileWriter, plan: WorkPlan) {
        self.checkpoint = checkpoint
        self.writer = writer
        self.plan = plan
        errors = Mutex(Array(repeating: PanelPacking.ErrorSums(), count: plan.items.count))
        digests = Mutex(Array(repeating: Digest256.unknown, count: checkpoint.sourceFiles.count))
    }

    /// The weights of a norm, which is converted later, are divided by these.
    func divide(norm tensor: Int, by factors: [Float]) { divisors.withLock { $0[tensor] = factors } }

    /// scales: of the columns of a matrix.
    func convert(
        _ index: Int, _ weighting: PanelPacking.Weighting = .none, scales: ChannelScales? = nil
    ) throws(QuantizerError) {
        switch plan.items[index] {
        case .hash(let file): try hash(file)
        case .rows(let tensor, let rows):
            if tensor.target.isMatrix {
                try convertRows(tensor, rows, item: index, weighting, scales)
            } else {
                let values = try reading(try checkpoint.values(of: tensor.source))
                try write(PanelPacking.vector(divided(values, tensor)), tensor: tensor.index, offset: 0)
            }
        }
    }

    /// Sums of every tensor, in the file's order.
    func tensorErrors() -> [PanelPacking.ErrorSums] {
        var sums = Array(repeating: PanelPacking.ErrorSums(), count: plan.tensors.count)
        for (item, error) in zip(plan.items, errors.withLock { $0 }) {
            if case .rows(let tensor, _) = item { sums[tensor.index] = sums[tensor.index] + error }
        }
        return sums
    }

    /// In the order of the checkpoint's source files.
    func sourceDigests() -> [String] { digests.withLock { $0 } }

    /// A norm whose factor is 1 + weight keeps that form.
    private func divided(_ values: [Float], _ tensor: PlannedTensor) -> [Float] {
        guard let factors = divisors.withLock({ $0[tensor.index] }) else { return values }
        let offset: Float = writer.plannedHeader.shape.normKind == .rootMeanSquarePlusOne ? 1 : 0
        return zip(values, factors).map { ($0 + offset) / $1 - offset }
    }

    private func convertRows(
        _ tensor: PlannedTensor, _ rows: Range<Int>, item: Int, _ weighting: PanelPacking.Weighting,
        _ scales: ChannelScales?
    ) throws(QuantizerError) {
        let panel = rows.lowerBound / WeightFormat.panelRows
        let offset = panel * tensor.format.panelBytes(columns: tensor.target.columns)
        if tensor.keepsGroups {
            let groups = try reading(try checkpoint.readGroups(tensor.source, rows: rows))
            let (bytes, sums) = GroupPacking(format: tensor.format, columns: tensor.target.columns).panels(of: groups)
            errors.withLock { $0[item] = sums }
            return try write(bytes, tensor: tensor.index, offset: offset)
        }
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: rows.count * tensor.target.columns)
        defer { unsafe buffer.deallocate() }
        do { unsafe try checkpoint.read(tensor.source, rows: rows, into: buffer) } catch { throw .checkpoint(error) }
        if let factors = scales?.factors {
            let columns = tensor.target.columns
            for index in buffer.indices { unsafe buffer[index] *= factors[index % columns] }
        }
        let packing = PanelPacking(format: tensor.format, columns: tensor.target.columns, weighting: weighting)
        let (bytes, sums) = unsafe packing.panels(of: UnsafeBufferPointer(buffer))
        errors.withLock { $0[item] = sums }
        try write(bytes, tensor: tensor.index, offset: offset)
    }

    private func write(_ bytes: [UInt8], tensor: Int, offset: Int) throws(QuantizerError) {
        do { unsafe try writer.write(tensor: tensor, at: offset, bytes.span.bytes) } catch { throw .modelFile(error) }
    }

    /// Reads the open file from which the weights and settings come, not what its name leads to by now.
    private func hash(_ file: Int) throws(QuantizerError) {
        let size = checkpoint.sourceBytes(file)
        var digest = Digest256()
        var done = 0
        while done < size {
            let count = min(Self.hashedBytes, size - done)
            let bytes = try reading(try checkpoint.readSource(file, at: done, count: count))
            unsafe digest.update(bytes.span.bytes)
            done += count
        }
        let text = digest.hex()
        digests.withLock { $0[file] = text }
    }
}
