public import IsterModelFile

/// Where matrices read their inputs. Matrices that share a site share its statistics.
public enum CalibrationSite: Hashable, Sendable, CustomStringConvertible {
    /// Input of query, key and value.
    case attention(layer: Int)
    /// Input of the attention's output matrix.
    case output(layer: Int)
    /// Input of gate and up.
    case feedForward(layer: Int)
    /// Input of down.
    case down(layer: Int)
    /// Input of the head.
    case head

    /// nil for the embedding, which is looked up and multiplies nothing unless it is the head as well, and for vectors.
    public init?(_ tensor: RequiredTensor, tiedHead: Bool) {
        switch (tensor.role, tensor.layer) {
        case (.query, let layer?), (.key, let layer?), (.value, let layer?): self = .attention(layer: layer)
        case (.output, let layer?): self = .output(layer: layer)
        case (.gate, let layer?), (.up, let layer?): self = .feedForward(layer: layer)
        case (.down, let layer?): self = .down(layer: layer)
        case (.head, _): self = .head
        case (.embedding, _) where tiedHead: self = .head
        default: return nil
        }
        if !tensor.isMatrix { return nil }
    }

    /// nil behind the last layer.
    public var layer: Int? {
        switch self {
        case .attention(let layer), .output(let layer), .feedForward(let layer), .down(let layer): layer
        case .head: nil
        }
    }

    /// The norm whose output alone is read here; nil where other things stand between.
    var norm: TensorRole? {
        switch self {
        case .attention: .attentionNorm
        case .feedForward: .feedForwardNorm
        case .output, .down, .head: nil
        }
    }

    public var description: String {
        switch self {
        case .attention(let layer): "layer \(layer), input of query, key and value"
        case .output(let layer): "layer \(layer), input of output"
        case .feedForward(let layer): "layer \(layer), input of gate and up"
        case .down(let layer): "layer \(layer), input of down"
        case .head: "input of the head"
        }
    }
}

/// What matrices read while some tokens went through the model.
public struct CalibrationBatch: Sendable {
    /// [rows][width] each; the width follows from the site.
    public var inputs: [CalibrationSite: [Float]]
    /// Tokens of the whole pass that are done with this batch.
    public var tokensDone: Int

    public init(inputs: [CalibrationSite: [Float]], tokensDone: Int) {
        self.inputs = inputs
        self.tokensDone = tokensDone
    }
}

/// A calibration text that runs through a model of the same checkpoint. The quantizer does not run models: whoever can
/// hands it one of these.
public protocol CalibrationSource: AnyObject {
    /// SHA-256 of the text, 64 lower-case hex digits; nil without one.
    var textDigest: String? { get }
    /// Tokens of the text that a pass runs.
    var textTokenCount: Int { get }
    /// Tokens of a pass that the model wrote by itself.
    var ownTokenCount: Int { get }
    /// Runs all tokens and hands over the inputs of `sites`. Every pass gives the same batches.
    /// next: where the next pass begins, so that it need not begin with the model's first layer; nil where none
    /// follows.
    func run(
        sites: Set<CalibrationSite>, next: CalibrationSite?,
        _ body: (CalibrationBatch) throws(QuantizerError) -> Void
    ) throws(QuantizerError)
}

extension CalibrationSource {
    /// Tokens of a pass.
    public var tokenCount: Int { textTokenCount + ownTokenCount }
}

/// What a calibration text is used for.
public enum CalibrationMethod: String, CaseIterable, Sendable {
    /// Channels are scaled, and errors weighted by the mean square of the input that they meet.
    case importance
    /// Channels are scaled, and errors carried on to weights that are not rounded yet, by the inputs' correlations
    /// (GPTQ).
    case feedback

    /// Weights of columns matter only where scales are searched for, factors of columns behind a norm; what is stored
    /// as it is needs neither.
    func uses(_ tensor: PlannedTensor) -> Bool {
        if tensor.keepsGroups { return false }
        switch tensor.format {
        case .q4, .q8g32, .q4g32: return true
        case .q8: return self == .feedback || CalibrationSite(tensor.target, tiedHead: false)?.norm != nil
        case .f32, .vector: return false
        }
    }
}

/// Calibration as a conversion is given it.
public struct Calibration {
    public let source: any CalibrationSource
    public let method: CalibrationMethod
    /// Matrices X^T X that are summed up at the same time, in bytes; a factorisation takes three times the largest one
    /// on top.
    public let gramBytes: Int
    /// Bytes that the machine has left; a conversion that needs more is refused. nil when nothing tells.
    public let availableBytes: Int?

    public init(
        source: any CalibrationSource, method: CalibrationMethod, gramBytes: Int = defaultGramBytes,
        availableBytes: Int? = nil
    ) {
        self.source = source
        self.method = method
        self.gramBytes = gramBytes
        self.availableBytes = availableBytes
    }
}

/// Why a calibration text cannot be used.
public enum CalibrationError: Error, Equatable, Sendable, CustomStringConvertible {
    case emptyText(path: String)
    case textTooShort(path: String, tokens: Int, needed: Int)
    /// Every matrix is stored as its source has it.
    case nothingToRound(path: String)
    /// The model gave an input that is not finite.
    case notFinite(site: CalibrationSite)
    /// The model cannot be run; the reason is its error.
    case model(reason: String)
    /// The system has no memory to run the model.
    case outOfMemory(reason: String)

    public var description: String {
        switch self {
        case .emptyText(let path): "\(path): the calibration text is empty"
        case .textTooShort(let path, let tokens, let needed):
            "\(path): the calibration text has \(tokens) tokens, one chunk needs \(needed)"
        case .nothingToRound(let path):
            "\(path): nothing to calibrate, every matrix is stored as it is there; leave out the calibration or the "
                + "preset that calibrates"
        case .notFinite(let site): "calibration: an activation is not finite (\(site))"
        case .model(let reason), .outOfMemory(let reason): "the model, run for its calibration or comparison: \(reason)"
        }
    }
}

extension Provenance.Calibration {
    init(_ calibration: Calibration) {
        self.init(
            method: calibration.method.rawValue, sha256: calibration.source.textDigest,
            tokens: calibration.source.textTokenCount,
            ownTokens: calibration.source.ownTokenCount > 0 ? calibration.source.ownTokenCount : nil)
    }
}
