internal import CIsterKernels
internal import IsterCheckpoint
public import IsterModelFile

/// Matrices of a checkpoint with several times the error of rounding to Q4, as Q8 panels. Put in place of the tensor in
/// an 8-bit file they show how much the model minds errors there; the error is enlarged since that of a few matrices
/// is no more than what any change does to the rounding of activations.
public final class RoundingProbe {
    private let path: String
    private let checkpoint: Checkpoint
    private let sources: [String: TensorDescription]
    private let threads: Int

    public init(checkpoint path: String, threads: Int) throws(QuantizerError) {
        self.path = path
        checkpoint = try reading(try Checkpoint.open(path: path))
        sources = Dictionary(checkpoint.tensors.map { ($0.name, $0) }) { first, _ in first }
        self.threads = threads
    }

    /// Bytes of a Q8 tensor with the values w + enlargement x (Q4(w) - w). 0 gives what a conversion to Q8 gives.
    public func panels(of tensor: RequiredTensor, enlargement: Float) throws(QuantizerError) -> [UInt8] {
        guard let name = TensorNames.huggingFace(tensor), let source = sources[name] else {
            throw .tensorMismatch(path: path, tensor: tensor.name, found: "nothing", needed: "a matrix")
        }
        let step = WorkPlan.rowsPerItem(columns: tensor.columns)
        let panelBytes = WeightFormat.q8.panelBytes(columns: tensor.columns)
        let result = SharedBuffer<UInt8>(
            repeating: 0, count: WeightFormat.q8.byteCount(rows: tensor.rows, columns: tensor.columns))
        let checkpoint = checkpoint
        try ParallelWork.run(items: (tensor.rows + step - 1) / step, threads: threads) {
            item throws(QuantizerError) in
            let rows = item * step..<min((item + 1) * step, tensor.rows)
            let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: rows.count * tensor.columns)
            defer { unsafe values.deallocate() }
            do throws(CheckpointError) {
                unsafe try checkpoint.read(source, rows: rows, into: values)
            } catch {
                throw .checkpoint(error)
            }
            if enlargement != 0 { unsafe Self.enlarge(values, columns: tensor.columns, by: enlargement) }
            let packing = PanelPacking(format: .q8, columns: tensor.columns)
            let bytes = unsafe packing.panels(of: UnsafeBufferPointer(values)).bytes
            let place = rows.lowerBound / WeightFormat.panelRows * panelBytes
            unsafe bytes.withUnsafeBufferPointer { source in
                guard let start = source.baseAddress else { return }
                unsafe (result.base + place).update(from: start, count: source.count)
            }
        }
        return unsafe Array(UnsafeBufferPointer(start: result.base, count: result.count))
    }

    /// Adds the error of rounding to Q4, times `factor`.
    private static func enlarge(_ values: UnsafeMutableBufferPointer<Float>, columns: Int, by factor: Float) {
        let packing = PanelPacking(format: .q4, columns: columns)
        let bytes = unsafe packing.panels(of: UnsafeBufferPointer(values)).bytes
        let width = WeightFormat.paddedColumns(columns)
        let panelBytes = WeightFormat.q4.panelBytes(columns: columns)
        var stored = [Float](repeating: 0, count: width)
        for row in 0..<values.count / columns {
            unsafe bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                unsafe ister_unpack_row(
                    ISTER_FORMAT_Q4, start + row / WeightFormat.panelRows * panelBytes, width,
                    row % WeightFormat.panelRows, &stored)
            }
            for column in 0..<columns {
                let value = unsafe values[row * columns + column]
                unsafe values[row * columns + column] = value + factor * (stored[column] - value)
            }
        }
    }
}
