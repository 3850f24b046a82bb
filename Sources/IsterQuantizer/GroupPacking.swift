internal import CIsterKernels
internal import IsterCheckpoint
internal import IsterModelFile

/// Rows that a checkpoint has quantized to the bytes of a tensor in the file: the same integers and scales in another
/// order.
struct GroupPacking {
    /// `q8g32` or `q4g32`.
    let format: WeightFormat
    /// A multiple of 32.
    let columns: Int

    /// Panels of all rows of `groups`; what the last panel lacks is zero. The error is 0.
    func panels(of groups: WeightGroups) -> (bytes: [UInt8], errors: PanelPacking.ErrorSums) {
        var sums = PanelPacking.ErrorSums()
        guard let code = format.kernelFormat else { return ([], sums) }
        let rowCount = groups.codes.count / columns
        let panelBytes = format.panelBytes(columns: columns)
        let panelCount = WeightFormat.panelCount(rows: rowCount)
        let missing = panelCount * WeightFormat.panelRows - rowCount
        let zero: UInt8 = format == .q8g32 ? 128 : 8
        let scales = groups.scales + Array(repeating: 0, count: missing * (columns / Int(ISTER_GROUP)))
        let codes = groups.codes + Array(repeating: zero, count: missing * columns)
        var bytes = [UInt8](repeating: 0, count: panelCount * panelBytes)
        unsafe bytes.withUnsafeMutableBytes { target in
            guard let target = target.baseAddress else { return }
            unsafe scales.withUnsafeBufferPointer { scales in
                unsafe codes.withUnsafeBufferPointer { codes in
                    guard let scales = scales.baseAddress, let codes = codes.baseAddress else { return }
                    for panel in 0..<panelCount {
                        let first = panel * WeightFormat.panelRows
                        unsafe ister_pack_groups(
                            ister_format(rawValue: code), scales + first * (columns / Int(ISTER_GROUP)),
                            codes + first * columns, columns, target + panel * panelBytes, &sums.squaredSum)
                    }
                }
            }
        }
        return (bytes, sums)
    }
}
