internal import CIsterKernels

/// What must be finite in a tensor's blob: the scales of integers, and floats.
struct BlobValues: Sendable {
    private let format: ister_format
    private let paddedColumns: Int
    private let rowCount: Int
    /// The blob is a whole number of these. A vector counts as one.
    let panelBytes: Int

    /// nil for a format that no reader knows.
    init?(_ tensor: ModelHeader.TensorEntry) {
        guard let format = WeightFormat(rawValue: tensor.format) else { return nil }
        rowCount = tensor.rows
        let width = WeightFormat.paddedColumns(tensor.columns)
        if let code = format.kernelFormat {
            self.format = ister_format(rawValue: code)
            paddedColumns = width
            panelBytes = format.panelBytes(columns: tensor.columns)
        } else {
            // Floats in order are as many floats in panels.
            self.format = ISTER_FORMAT_F32
            paddedColumns = width / WeightFormat.panelRows
            panelBytes = tensor.length
        }
    }

    /// bytes: whole panels.
    func isFinite(_ bytes: RawSpan, panel: Int) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            return unsafe ister_panel_is_finite(format, base + panel * panelBytes, paddedColumns) != 0
        }
    }

    /// The rows of a panel that are not padding.
    func rows(panel: Int) -> Range<Int> {
        let first = panel * WeightFormat.panelRows
        return first..<max(first + 1, min(first + WeightFormat.panelRows, rowCount))
    }
}
