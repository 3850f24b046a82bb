internal import IsterCheckpoint
internal import IsterModelFile

/// A tensor of the checkpoint and its place in the model file.
struct PlannedTensor: Sendable {
    /// In the model file.
    let index: Int
    let target: RequiredTensor
    let format: WeightFormat
    let source: TensorDescription

    /// The source's own integers and scales are stored, without any rounding.
    var keepsGroups: Bool { target.isMatrix && format.holdsGroups(of: source.type) }
}

extension WeightFormat {
    /// Whether this format holds every bit of what a type of checkpoint says.
    func holdsGroups(of type: WeightType) -> Bool {
        switch type {
        case .q8_0: self == .q8g32
        case .q4_0: self == .q4g32
        default: false
        }
    }
}

/// One piece of a conversion: small enough to bound memory, large enough to hide its own cost.
enum WorkItem: Sendable {
    /// Checksum of a source file. First, because one file is one long stream.
    case hash(file: Int)
    /// Rows of a tensor; the start is a multiple of 16.
    case rows(PlannedTensor, Range<Int>)
}

/// All pieces in the order in which they are started. It depends on the model only, not on the machine, so the sums
/// over pieces, and with them the file, do not either.
struct WorkPlan: Sendable {
    /// Floats that a piece holds in memory: 1 MiB.
    private static let floatsPerItem = 1 << 18

    let tensors: [PlannedTensor]
    let items: [WorkItem]
    init(tensors: [PlannedTensor], sourceFileCount: Int) {
        self.tensors = tensors
        var items = (0..<sourceFileCount).map { WorkItem.hash(file: $0) }
        for tensor in tensors {
            let step = Self.rowsPerItem(columns: tensor.target.columns)
            for start in stride(from: 0, to: tensor.target.rows, by: step) {
                items.append(.rows(tensor, start..<min(start + step, tensor.target.rows)))
            }
        }
        self.items = items
    }

    /// Source bytes of the weights of all items.
    var bytesTotal: Int { items.indices.reduce(0) { $0 + bytes(item: $1) } }

    /// Source bytes of the weights of one item.
    func bytes(item: Int) -> Int {
        guard case .rows(let tensor, let rows) = items[item] else { return 0 }
        return rows.count * tensor.source.rowBytes
    }

    /// The tensor at which `item` works; nil for a checksum.
    func tensor(item: Int) -> PlannedTensor? {
        guard items.indices.contains(item), case .rows(let tensor, _) = items[item] else { return nil }
        return tensor
    }

    /// A multiple of 16, so that a piece holds whole panels.
    static func rowsPerItem(columns: Int) -> Int {
        max(1, floatsPerItem / columns / WeightFormat.panelRows) * WeightFormat.panelRows
    }

    /// Name of the tensor at which `item` works; nil while files are only hashed.
    func tensorName(item: Int) -> String? { tensor(item: item)?.target.name }
}
