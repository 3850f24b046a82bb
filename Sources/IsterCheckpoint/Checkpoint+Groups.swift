extension WeightType {
    /// Blocks of 32 weights that are integers times one 16-bit scale: what `Checkpoint.readGroups` reads.
    public var hasGroups: Bool { self == .q8_0 || self == .q4_0 }
}

/// Weights as a file stores them: integers in groups of 32 columns, each with a scale.
public struct WeightGroups: Sendable {
    /// IEEE half precision, finite: [rows][columns / 32].
    public var scales: [UInt16]
    /// [rows][columns]: Q8_0's weight + 128, Q4_0's + 8.
    public var codes: [UInt8]
}

extension Checkpoint {
    /// Rows of a Q8_0 or Q4_0 matrix without any rounding. A scale that is infinite or no number is refused with its
    /// place. Any thread may call this.
    public func readGroups(_ tensor: TensorDescription, rows: Range<Int>) throws(CheckpointError) -> WeightGroups {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= tensor.rows, "rows outside the tensor")
        precondition(tensor.type.hasGroups && !tensor.isVector, "no groups in this tensor")
        let rowBlocks = tensor.columns / tensor.type.blockLength
        var groups = WeightGroups(scales: [], codes: [])
        groups.scales.reserveCapacity(rows.count * rowBlocks)
        groups.codes.reserveCapacity(rows.count * tensor.columns)
        if tensor.rowOrder == .asNamed {
            try append(tensor, firstRow: rows.lowerBound, count: rows.count * rowBlocks, to: &groups)
        } else {
            for row in rows {
                try append(tensor, firstRow: tensor.rowOrder.storedRow(row), count: rowBlocks, to: &groups)
            }
        }
        if let index = groups.scales.firstIndex(where: { $0 & 0x7C00 == 0x7C00 }) {
            let (row, group) = index.quotientAndRemainder(dividingBy: rowBlocks)
            throw .notFinite(
                tensor: tensor.name, row: rows.lowerBound + row, column: group * tensor.type.blockLength,
                found: "\(singleFromHalf(groups.scales[index]))")
        }
        return groups
    }

    private func append(
        _ tensor: TensorDescription, firstRow: Int, count: Int, to groups: inout WeightGroups
    ) throws(CheckpointError) {
        let type = tensor.type
        unsafe try readBlocks(tensor, firstRow: firstRow, count: count) { bytes, blocks in
            for block in 0..<blocks.count {
                let start = block * type.blockBytes
                unsafe groups.scales.append(bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self))
                let quanta = start + 2..<start + type.blockBytes
                if type == .q8_0 {
                    for index in quanta { unsafe groups.codes.append(bytes[index] ^ 0x80) }
                } else {
                    for index in quanta { unsafe groups.codes.append(bytes[index] & 15) }
                    for index in quanta { unsafe groups.codes.append(bytes[index] >> 4) }
                }
            }
        }
    }
}
