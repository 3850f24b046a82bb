/// What a tensor does in the model. Raw values are the last part of its name.
public enum TensorRole: String, CaseIterable, Sendable {
    case embedding
    case attentionNorm = "attention_norm"
    case query
    case key
    case value
    case queryNorm = "query_norm"
    case keyNorm = "key_norm"
    case output
    case attentionOutputNorm = "attention_output_norm"
    case feedForwardNorm = "feed_forward_norm"
    case gate
    case up
    case down
    case feedForwardOutputNorm = "feed_forward_output_norm"
    case norm
    case head
}

/// The names of tensors in a model file.
public enum TensorName {
    public static let embedding = TensorRole.embedding.rawValue
    public static let norm = TensorRole.norm.rawValue
    public static let head = TensorRole.head.rawValue

    /// `layers.N.query`, `layers.N.attention_norm`, ...
    public static func layer(_ layer: Int, _ role: TensorRole) -> String { "layers.\(layer).\(role.rawValue)" }

    /// `layers.N.query.bias`, ...
    public static func bias(_ layer: Int, _ role: TensorRole) -> String { "\(self.layer(layer, role)).bias" }
}

/// A tensor that a model of some shape must have.
public struct RequiredTensor: Equatable, Sendable {
    public let name: String
    public let role: TensorRole
    /// nil outside the layers.
    public let layer: Int?
    /// The vector that is added to the products of the matrix of the same role.
    public let isBias: Bool
    /// Outputs of a matrix; 1 for a vector.
    public let rows: Int
    /// Inputs of a matrix; length of a vector.
    public let columns: Int
    public let isMatrix: Bool

    static func matrix(_ role: TensorRole, layer: Int? = nil, _ rows: Int, _ columns: Int) -> Self {
        Self(
            name: layer.map { TensorName.layer($0, role) } ?? role.rawValue, role: role, layer: layer, isBias: false,
            rows: rows, columns: columns, isMatrix: true)
    }

    static func norm(_ role: TensorRole, layer: Int? = nil, _ width: Int) -> Self {
        Self(
            name: layer.map { TensorName.layer($0, role) } ?? role.rawValue, role: role, layer: layer, isBias: false,
            rows: 1, columns: width, isMatrix: false)
    }

    static func bias(_ role: TensorRole, layer: Int, _ width: Int) -> Self {
        Self(
            name: TensorName.bias(layer, role), role: role, layer: layer, isBias: true, rows: 1, columns: width,
            isMatrix: false)
    }
}

extension ModelShape {
    /// Exactly the tensors that a file of this shape holds, in the order in which decode walks them. The shape must be
    /// valid: the list's length follows `layerCount`.
    public func requiredTensors() -> [RequiredTensor] {
        var list = [RequiredTensor.matrix(.embedding, vocabularySize, hiddenWidth)]
        for layer in 0..<layerCount {
            list += attentionTensors(layer)
            list += feedForwardTensors(layer)
        }
        list.append(.norm(.norm, hiddenWidth))
        if !tiedHead { list.append(.matrix(.head, vocabularySize, hiddenWidth)) }
        return list
    }

    private func attentionTensors(_ layer: Int) -> [RequiredTensor] {
        var list = [RequiredTensor.norm(.attentionNorm, layer: layer, hiddenWidth)]
        for (role, width) in [(TensorRole.query, queryWidth), (.key, keyValueWidth), (.value, keyValueWidth)] {
            list.append(.matrix(role, layer: layer, width, hiddenWidth))
            if queryKeyValueBias { list.append(.bias(role, layer: layer, width)) }
        }
        if queryKeyNorm {
            list.append(.norm(.queryNorm, layer: layer, headWidth))
            list.append(.norm(.keyNorm, layer: layer, headWidth))
        }
        list.append(.matrix(.output, layer: layer, hiddenWidth, queryWidth))
        if attentionOutputBias { list.append(.bias(.output, layer: layer, hiddenWidth)) }
        if outputNorms { list.append(.norm(.attentionOutputNorm, layer: layer, hiddenWidth)) }
        return list
    }

    private func feedForwardTensors(_ layer: Int) -> [RequiredTensor] {
        var list = [RequiredTensor.norm(.feedForwardNorm, layer: layer, hiddenWidth)]
        let matrices = [
            (TensorRole.gate, feedForwardWidth, hiddenWidth), (.up, feedForwardWidth, hiddenWidth),
            (.down, hiddenWidth, feedForwardWidth),
        ]
        for (role, rows, columns) in matrices {
            list.append(.matrix(role, layer: layer, rows, columns))
            if feedForwardBias { list.append(.bias(role, layer: layer, rows)) }
        }
        if outputNorms { list.append(.norm(.feedForwardOutputNorm, layer: layer, hiddenWidth)) }
        return list
    }
}
