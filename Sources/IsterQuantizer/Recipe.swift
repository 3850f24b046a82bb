public import IsterCheckpoint
public import IsterModelFile

/// A choice of formats that has a name; the name goes into the file's provenance.
public enum Preset: String, CaseIterable, Sendable {
    /// Weights as floats, for comparison with reference implementations.
    case f32
    /// 8 bits a weight and a scale per 32 columns.
    case q8
    /// 8 bits a weight and a scale per 256 columns: a twentieth smaller, a little less exact.
    case q8g256
    /// 4 bits a weight in the layers and the embedding; the head, to which small errors matter most, in 8.
    case q4
    /// For a checkpoint that is quantized already: what a format of ours holds exactly stays as it is, all else gets 8
    /// bits.
    case imported = "import"
}

/// Which tensor gets which format.
public struct Recipe: Equatable, Sendable {
    public let preset: Preset
    /// The embedding is the head as well.
    public let tiedHead: Bool

    public init(preset: Preset, tiedHead: Bool) {
        self.preset = preset
        self.tiedHead = tiedHead
    }

    /// Norms and biases stay floats: they are a thousandth of the weights. source: how the checkpoint stores the
    /// tensor.
    public func format(of tensor: RequiredTensor, source: WeightType) -> WeightFormat {
        guard tensor.isMatrix else { return .vector }
        switch preset {
        case .f32: return .f32
        case .q8: return .q8g32
        case .q8g256: return .q8
        case .q4:
            let isHead = tensor.role == .head || (tensor.role == .embedding && tiedHead)
            return isHead ? .q8 : .q4
        case .imported: return source == .q4_0 ? .q4g32 : .q8g32
        }
    }
}
