internal import CIsterKernels
internal import IsterModelFile

/// A matrix with its bias, in place in the mapped file.
@safe struct WeightMatrix {
    var matrix: ister_matrix
    let bias: UnsafePointer<Float>?

    var panelCount: Int { unsafe matrix.rows / 16 }
    /// Whether activations must be int8.
    var isInteger: Bool { unsafe matrix.format != ISTER_FORMAT_F32 }

    init(_ file: ModelFile, _ name: String, bias: String? = nil) throws(DecoderError) {
        guard let view = file.tensor(named: name), let format = view.format.kernelFormat else {
            throw .missingTensor(name: name)
        }
        unsafe matrix = ister_matrix(
            format: ister_format(rawValue: format), rows: (view.rows + 15) / 16 * 16,
            columns: Dimensions.padded(view.columns), panels: view.pointer)
        unsafe self.bias = try unsafe bias.map { name throws(DecoderError) in try unsafe vector(file, name) }
    }
}

private func vector(_ file: ModelFile, _ name: String) throws(DecoderError) -> UnsafePointer<Float> {
    guard let view = file.tensor(named: name) else { throw .missingTensor(name: name) }
    return unsafe view.pointer.assumingMemoryBound(to: Float.self)
}

/// One layer's weights.
@safe struct LayerWeights {
    let attentionNorm: UnsafePointer<Float>
    var query: WeightMatrix
    var key: WeightMatrix
    var value: WeightMatrix
    var output: WeightMatrix
    let feedForwardNorm: UnsafePointer<Float>
    var gate: WeightMatrix
    var up: WeightMatrix
    var down: WeightMatrix
    /// 0: no window.
    let window: Int
    let rotary: Int

    var isInteger: Bool { [query, key, value, output, gate, up, down].contains(where: \.isInteger) }

    init(_ file: ModelFile, layer: Int) throws(DecoderError) {
        let shape = file.header.shape
        func matrix(_ role: TensorRole, biased: Bool) throws(DecoderError) -> WeightMatrix {
            try WeightMatrix(
                file, TensorName.layer(layer, role), bias: biased ? TensorName.bias(layer, role) : nil)
        }
        unsafe attentionNorm = try unsafe vector(file, TensorName.layer(layer, .attentionNorm))
        query = try matrix(.query, biased: shape.queryKeyValueBias)
        key = try matrix(.key, biased: shape.queryKeyValueBias)
        value = try matrix(.value, biased: shape.queryKeyValueBias)
        output = try matrix(.output, biased: shape.attentionOutputBias)
        unsafe feedForwardNorm = try unsafe vector(file, TensorName.layer(layer, .feedForwardNorm))
        gate = try matrix(.gate, biased: shape.feedForwardBias)
        up = try matrix(.up, biased: shape.feedForwardBias)
        down = try matrix(.down, biased: shape.feedForwardBias)
        window = shape.layers[layer].window ?? 0
        rotary = shape.layers[layer].rotary
    }
}

/// All weights of a file, as pointers into its mapping or into copies of it, which this object keeps alive.
@safe final class Weights {
    let embedding: WeightMatrix
    let layers: UnsafeMutableBufferPointer<LayerWeights>
    let norm: UnsafePointer<Float>
    var head: WeightMatrix
    /// Holds the matrices that do not lie in the mapping.
    var copied: AnonymousMemory?
    /// Memory has several nodes, but too little of it is free for copies.
    var lacksRoomForCopies = false
    let file: ModelFile

    init(_ file: ModelFile) throws(DecoderError) {
        let shape = file.header.shape
        try Self.requireSupported(shape)
        self.file = file
        embedding = try WeightMatrix(file, TensorName.embedding)
        head = shape.tiedHead ? embedding : try WeightMatrix(file, TensorName.head)
        unsafe norm = try unsafe vector(file, TensorName.norm)
        var list: [LayerWeights] = []
        for layer in 0..<shape.layerCount { list.append(try LayerWeights(file, layer: layer)) }
        unsafe layers = .allocate(capacity: list.count)
        _ = unsafe layers.initialize(from: list)
    }

    deinit { unsafe layers.deallocate() }

    /// Some weights are not the file's any more.
    var isFileDamaged: Bool { file.isDamaged }

    /// The part of the weights that lies in pages of 2 MiB.
    var hugePageFraction: Double { copied?.hugePageFraction ?? file.hugePageFraction }

    /// The file format has room for families that this decoder does not know yet.
    private static func requireSupported(_ shape: ModelShape) throws(DecoderError) {
        guard shape.activation == .silu else {
            throw .unsupported(what: "activation", found: shape.activation.rawValue)
        }
        if shape.queryKeyNorm { throw .unsupported(what: "feature", found: "norm of queries and keys") }
        if shape.outputNorms { throw .unsupported(what: "feature", found: "norm of sublayer outputs") }
    }

    /// Whether any matrix needs int8 activations.
    var isInteger: Bool {
        unsafe embedding.isInteger || head.isInteger || layers.contains(where: \.isInteger)
    }
}
