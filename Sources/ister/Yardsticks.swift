import IsterDecoder
import IsterModelFile

/// The two rates that bound a model on this machine, by all threads together.
struct Yardsticks {
    /// Bytes per second of a streaming read.
    var bandwidth: Double
    /// Multiply-adds per second of the int8 dot product in registers.
    var integerPeak: Double

    init(bandwidth: Double, integerPeak: Double) {
        self.bandwidth = bandwidth
        self.integerPeak = integerPeak
    }

    init(threads: Int) throws(DecoderError) {
        bandwidth = try StreamingRead(threads: threads).bandwidth(passes: 5)
        integerPeak = try Machine.integerPeak(threads: threads)
    }
}

/// What a model asks of the machine.
struct ModelLoad: Equatable {
    /// Weight bytes of one forward call. An embedding that is not also the head gives single rows.
    var streamedBytes = 0
    /// Multiply-adds of the layers' matrices with one token.
    var layerProducts = 0
    /// Multiply-adds of one row of logits.
    var headProducts = 0
    /// Every matrix of the layers is a matrix of integers.
    var isInteger = true
}

extension ModelLoad {
    init(_ header: ModelHeader) {
        for tensor in header.tensors {
            let isEmbedding = tensor.name == TensorName.embedding
            if isEmbedding && !header.shape.tiedHead { continue }
            streamedBytes += tensor.length
            guard let format = WeightFormat(rawValue: tensor.format), format != .vector else { continue }
            if isEmbedding || tensor.name == TensorName.head {
                headProducts += tensor.rows * tensor.columns
            } else {
                layerProducts += tensor.rows * tensor.columns
                isInteger = isInteger && format != .f32
            }
        }
    }

    /// Multiply-adds of a prompt that asks for the logits of its last token.
    func promptProducts(tokens: Int) -> Double {
        Double(layerProducts) * Double(tokens) + Double(headProducts)
    }

    /// Multiply-adds of tokens that each ask for logits.
    func generationProducts(tokens: Int) -> Double {
        (Double(layerProducts) + Double(headProducts)) * Double(tokens)
    }
}
