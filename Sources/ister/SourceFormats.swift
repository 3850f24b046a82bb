import IsterCheckpoint
import IsterQuantizer

/// How a checkpoint stores its matrices, and what follows from it for the formats of the model file.
struct SourceFormats {
    /// Matrices of each type, the most frequent first.
    private let counts: [(type: WeightType, count: Int)]

    init(_ path: String) throws(Failure) {
        let checkpoint = try reporting(path) { try Checkpoint.open(path: path) }
        var counts: [WeightType: Int] = [:]
        for tensor in checkpoint.tensors where !tensor.isVector { counts[tensor.type, default: 0] += 1 }
        self.counts = counts.map { (type: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.type.rawValue) < ($0.count, $1.type.rawValue) }
    }

    var isQuantized: Bool { counts.contains { $0.type.isQuantized } }

    /// Rounded to less than 8 bits: rounding such weights to 4 bits adds a second error to the first.
    private var isCoarse: Bool { counts.contains { $0.type.isQuantized && $0.type != .q8_0 } }

    /// What is stored when no preset is asked for.
    var preset: Preset { isQuantized ? .imported : .q4 }

    /// All that make sense.
    var presets: [QuantizePreset] { QuantizePreset.allCases.filter { $0 != .imported || isQuantized } }

    /// What a person should know; nil for a checkpoint of floats.
    var note: String? {
        guard isQuantized else { return nil }
        let types = counts.map { "\($0.type.rawValue) \($0.count)" }.joined(separator: ", ")
        let kept = counts.map(\.type).filter(\.hasGroups).map(\.rawValue)
        let rest = counts.map(\.type).filter { !$0.hasGroups }.map(\.rawValue)
        let parts = [
            kept.isEmpty ? nil : "kept bit for bit: \(kept.joined(separator: ", "))",
            rest.isEmpty ? nil : "with 8 bits and a scale per 32 columns: \(rest.joined(separator: ", "))",
        ]
        return "the source is quantized (matrices by type: \(types)): "
            + parts.compactMap { $0 }.joined(separator: "; ")
    }

    /// Refuses to round coarse weights to 4 bits; with `isAllowed` that is a warning instead.
    func requantizing(_ preset: Preset, isAllowed: Bool) throws(Failure) -> String? {
        guard isCoarse, preset == .q4 else { return nil }
        let reason = "the source's weights are rounded to less than 8 bits; rounding them to 4 bits adds a second error"
        if isAllowed { return reason }
        throw Failure(.usage, "\(reason): --allow-requantize does it, --preset q8 avoids it")
    }
}

extension WeightType {
    var isQuantized: Bool {
        switch self {
        case .f32, .f16, .bf16: false
        default: true
        }
    }
}
