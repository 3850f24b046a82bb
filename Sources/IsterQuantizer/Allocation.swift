public import IsterModelFile

/// A choice of formats, matrix by matrix.
public struct Allocation: Equatable, Sendable {
    /// As the file's provenance records it.
    public let name: String
    /// By name of the matrix; others follow the preset.
    public let formats: [String: WeightFormat]

    public init(name: String, formats: [String: WeightFormat]) {
        self.name = name
        self.formats = formats
    }
}

/// What it costs to store some matrices in 4 instead of 8 bits, together.
public struct Sensitivity: Equatable, Sendable {
    public let tensors: [RequiredTensor]
    /// Divergence from the unrounded model, in any unit that all groups share.
    public let loss: Double

    public init(tensors: [RequiredTensor], loss: Double) {
        self.tensors = tensors
        self.loss = loss
    }

    /// Matrices in groups that are measured together: those of one role in neighbouring layers, at most `bands` groups
    /// a role. Embedding and head stand alone.
    public static func groups(_ shape: ModelShape, bands: Int) -> [[RequiredTensor]] {
        let width = max(1, (shape.layerCount + bands - 1) / bands)
        var groups: [[RequiredTensor]] = []
        var places: [String: Int] = [:]
        for tensor in shape.requiredTensors() where tensor.isMatrix {
            let key = tensor.layer.map { "\(tensor.role.rawValue) \($0 / width)" } ?? tensor.role.rawValue
            if let place = places[key] {
                groups[place].append(tensor)
            } else {
                places[key] = groups.count
                groups.append([tensor])
            }
        }
        return groups
    }
}

extension Allocation {
    /// All in Q4 but the matrices for which 8 bits gain most per byte, as many of them as `fileBytes` have room for.
    /// smallest: bytes of the file with all matrices in Q4. nil when not even that fits.
    public init?(name: String, _ sensitivities: [Sensitivity], smallest: Int, fileBytes: Int) {
        if smallest > fileBytes { return nil }
        var candidates: [(gain: Double, tensor: RequiredTensor, bytes: Int)] = []
        for group in sensitivities {
            let bytes = group.tensors.map { Self.bytes($0, .q8) - Self.bytes($0, .q4) }
            let gain = group.loss / Double(max(bytes.reduce(0, +), 1))
            for (tensor, bytes) in zip(group.tensors, bytes) { candidates.append((gain, tensor, bytes)) }
        }
        var formats = Dictionary(candidates.map { ($0.tensor.name, WeightFormat.q4) }) { first, _ in first }
        var left = fileBytes - smallest
        // Names break ties, so that equal gains give one order.
        for (_, tensor, bytes) in candidates.sorted(by: { ($1.gain, $0.tensor.name) < ($0.gain, $1.tensor.name) })
        where bytes <= left {
            formats[tensor.name] = .q8
            left -= bytes
        }
        self.init(name: name, formats: formats)
    }

    /// In the file, with the zeros up to the next page.
    private static func bytes(_ tensor: RequiredTensor, _ format: WeightFormat) -> Int {
        let page = ModelHeader.blobAlignment
        return (format.byteCount(rows: tensor.rows, columns: tensor.columns) + page - 1) / page * page
    }
}
