import ArgumentParser
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterTokenizer

/// Which windows of a text are scored.
struct WindowOptions: ParsableArguments {
    @Option(help: "A file of text, UTF-8.") var text: String?
    @Option(
        name: [.customShort("c"), .long],
        help: "Tokens of a window; the second half is scored. (default: \(Self.contextByDefault))")
    var context: Int?
    @Option(help: "Most windows; by default all of the text.") var chunks: Int?

    private static let contextByDefault = 512

    func validate() throws {
        if let context, !(4...1 << 24).contains(context) {
            throw ValidationError("--context is \(context); it must be 4 to \(1 << 24)")
        }
        if let chunks, chunks < 1 { throw ValidationError("--chunks is \(chunks); it must be 1 or more") }
    }

    func windows(of bytes: [UInt8], path: String, for model: EvaluatedModel) throws(Failure) -> TextWindows {
        let length = context ?? Self.contextByDefault
        let trained = model.file.header.shape.contextLength
        if length > trained {
            StandardError.write("ister: warning: windows of \(length) tokens, the model's context is \(trained)\n")
        }
        return try evaluating(path) {
            try TextWindows(
                text: bytes, tokenizer: model.file.tokenizer(),
                contextLength: length, limit: chunks)
        }
    }
}

/// A model file that is evaluated.
struct EvaluatedModel {
    let path: String
    let file: ModelFile

    init(_ path: String, threads: Int?) throws(Failure) {
        self.path = path
        file = try ModelFile.openPopulated(path, threads: threads)
    }

    /// cacheFormat nil: the file's default.
    func decoder(
        contextLength: Int, sequenceCount: Int = 1, threads: Int?, cacheFormat: CacheFormat? = nil
    ) throws(Failure) -> Decoder {
        try evaluating(path) {
            try Decoder.forEvaluation(
                file, contextLength: contextLength, sequenceCount: sequenceCount, threads: threads,
                cacheFormat: cacheFormat)
        }
    }

    /// Sequences that write `texts` texts at once: their caches take at most half of the free memory, and each runs the
    /// examples before the questions once.
    func sequenceCount(texts: Int, contextLength: Int) -> Int {
        let blocks = contextLength / Decoder.blockPositions + 1
        let bytes = CacheFormat.default(for: file).blockBytes(file.header.shape) * blocks
        let free = Machine.availableMemory ?? .max
        return max(min(free / 2 / bytes, texts / 16, 16), 1)
    }

    /// Bits of the whole file by its parameters: what a peer's file is compared by.
    var fileBitsPerWeight: Double { 8 * Double(file.fileBytes) / Double(max(file.parameterCount, 1)) }

    var json: JSONText {
        .object([
            ("path", .string(path)),
            ("recipe", .string(file.header.provenance.recipe)),
            ("bytes", .integer(file.fileBytes)),
            ("file_bits_per_weight", .number(fileBitsPerWeight)),
        ])
    }
}

/// SHA-256 of a text, in hex.
func digest(_ bytes: [UInt8]) -> String {
    var digest = Digest256()
    unsafe digest.update(bytes.span.bytes)
    return digest.hex()
}

extension MeasuredValue {
    /// Two members: the value and its standard error.
    func members(_ key: String) -> [(String, JSONText)] {
        [(key, .number(value)), (key + "_error", .number(error))]
    }

    /// With a fixed count of decimals: 7.130000 ±   0.050000.
    func text(_ width: Int, _ count: Int, errorWidth: Int, scale: Double = 1) -> String {
        paddedLeft(decimals(value * scale, count), width) + " ± "
            + paddedLeft(decimals(error * scale, count), errorWidth)
    }
}
