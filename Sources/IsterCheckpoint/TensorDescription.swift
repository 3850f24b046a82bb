/// One tensor of a checkpoint under its Hugging Face name, whatever the container.
public struct TensorDescription: Sendable, Equatable {
    public let name: String
    /// `[rows, columns]` of a matrix, `[length]` of a vector; row-major, columns next to each other.
    public let shape: [Int]
    public let type: WeightType
    /// Length of the data in the file.
    public let byteCount: Int

    /// Index into the checkpoint's weight files.
    let file: Int
    /// First byte in that file.
    let offset: Int
    let rowOrder: RowOrder

    public var isVector: Bool { shape.count == 1 }
    /// A vector counts as one row.
    public var rows: Int { isVector ? 1 : shape[0] }
    public var columns: Int { shape[shape.count - 1] }
    /// Bytes of one row in the file.
    public var rowBytes: Int { columns / type.blockLength * type.blockBytes }

    /// GGUF stores the rows of query and key projections of a llama with rotary pairs side by side, (0, 1) (2, 3) …;
    /// Hugging Face pairs (i, i + headWidth / 2). Readers always get the latter.
    enum RowOrder: Sendable, Equatable {
        case asNamed
        case pairsInterleaved(headWidth: Int)

        /// Where the row that callers name `row` lies.
        func storedRow(_ row: Int) -> Int {
            guard case .pairsInterleaved(let headWidth) = self else { return row }
            let (head, inHead) = row.quotientAndRemainder(dividingBy: headWidth)
            let (half, pair) = inHead.quotientAndRemainder(dividingBy: headWidth / 2)
            return head * headWidth + 2 * pair + half
        }
    }
}
