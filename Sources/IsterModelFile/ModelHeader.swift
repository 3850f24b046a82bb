/// The JSON header of a model file: everything but the weights and the tokenizer's tables.
public struct ModelHeader: Codable, Equatable, Sendable {
    public static let currentVersion = 1

    public var formatVersion: Int
    public var shape: ModelShape
    public var tokenizer: Blob
    public var chatTemplate: String?
    public var generationDefaults: GenerationDefaults
    public var packing: Packing
    /// In the order in which decode walks them, which is the order of their blobs.
    public var tensors: [TensorEntry]
    public var provenance: Provenance
    public var certificate: Certificate?

    /// A byte range of the file.
    public struct Blob: Codable, Equatable, Sendable {
        public var offset: Int
        public var length: Int
        /// 64 lower-case hex digits.
        public var sha256: String
    }

    public struct TensorEntry: Codable, Equatable, Sendable {
        public var name: String
        /// Raw value of a `WeightFormat`.
        public var format: String
        /// Without padding.
        public var rows: Int
        /// Without padding.
        public var columns: Int
        public var offset: Int
        public var length: Int
        public var sha256: String
    }

    /// The arrangement of weights inside a panel. A file with another one is refused, not rearranged.
    public struct Packing: Codable, Equatable, Sendable {
        public var panelRows: Int
        public var columnGroup: Int
        public var nibbles: String
        public var chunk: Int

        public static let current = Self(panelRows: 16, columnGroup: 4, nibbles: "lo16hi16", chunk: 256)
    }

    /// Measured at conversion: what quantization lost.
    public struct Certificate: Codable, Equatable, Sendable {
        /// Per matrix: sum of (stored - source)^2 over sum of source^2; 0 when the source is all zeros.
        public var tensorErrors: [String: Double]
        /// nil when the model was not compared with its source.
        public var quality: Quality?

        public init(tensorErrors: [String: Double], quality: Quality? = nil) {
            self.tensorErrors = tensorErrors
            self.quality = quality
        }
    }
}

extension ModelHeader {
    /// Bits that a weight takes, over all matrices: 8 x bytes, padding and scales included, by rows x columns.
    public var bitsPerWeight: Double {
        var bits = 0.0
        var weights = 0.0
        for tensor in tensors where tensor.format != WeightFormat.vector.rawValue {
            bits += 8 * Double(tensor.length)
            weights += Double(tensor.rows) * Double(tensor.columns)
        }
        return bits / weights
    }

    /// SHA-256, in hex, over what decides a model's answers: its shape and the checksums of its tensors and its
    /// tokenizer.
    public func fingerprint() throws(ModelFileDefect) -> String {
        var digest = Digest256()
        let description = try HeaderCoding.encode(shape)
        unsafe digest.update(description.span.bytes)
        for sum in tensors.map(\.sha256) + [tokenizer.sha256] {
            unsafe digest.update(Array(sum.utf8).span.bytes)
        }
        return digest.hex()
    }

    /// Numbers in all tensors, without padding.
    public var parameterCount: Int { tensors.reduce(0) { $0 + $1.rows * $1.columns } }
}

/// Where a model file comes from. It holds no time, so that the same input gives the same bytes.
public struct Provenance: Codable, Equatable, Sendable {
    public var toolVersion: String
    /// Name of the recipe that chose the formats.
    public var recipe: String
    /// As the checkpoint spells it, e.g. `LlamaForCausalLM`.
    public var sourceArchitecture: String
    public var sourceFiles: [SourceFile]
    /// Configuration keys that the converter does not know and that change no result.
    public var unknownKeys: [String]
    /// nil: the weights were rounded without looking at any text.
    public var calibration: Calibration?

    public struct Calibration: Codable, Equatable, Sendable {
        /// `importance` or `feedback`.
        public var method: String
        /// Of the text; nil without one.
        public var sha256: String?
        /// How many of its tokens were used; 0 without a text.
        public var tokens: Int
        /// How many tokens of its own text the model was calibrated with; nil for none.
        public var ownTokens: Int?

        public init(method: String, sha256: String?, tokens: Int, ownTokens: Int? = nil) {
            self.method = method
            self.sha256 = sha256
            self.tokens = tokens
            self.ownTokens = ownTokens
        }
    }

    public struct SourceFile: Codable, Equatable, Sendable {
        public var name: String
        public var bytes: Int
        public var sha256: String

        public init(name: String, bytes: Int, sha256: String) {
            self.name = name
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    public init(
        toolVersion: String, recipe: String, sourceArchitecture: String, sourceFiles: [SourceFile],
        unknownKeys: [String], calibration: Calibration? = nil
    ) {
        self.toolVersion = toolVersion
        self.recipe = recipe
        self.sourceArchitecture = sourceArchitecture
        self.sourceFiles = sourceFiles
        self.unknownKeys = unknownKeys
        self.calibration = calibration
    }
}
