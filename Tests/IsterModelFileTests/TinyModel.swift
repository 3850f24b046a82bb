import Foundation

@testable import IsterModelFile

/// A model of a few hundred weights, and a folder that goes with the test.
final class TinyModel: Sendable {
    let folder: String
    var path: String { folder + "/tiny.ister" }

    static let shape = ModelShape(
        vocabularySize: 20, hiddenWidth: 8, feedForwardWidth: 12, layerCount: 2, headCount: 2, keyValueHeadCount: 1,
        headWidth: 4, contextLength: 64, normEpsilon: 1e-5, queryKeyValueBias: true, attentionScale: 0.5,
        rotaries: [.init(theta: 10000, scaling: .none)],
        layers: [.init(window: 16, rotary: 0), .init(window: nil, rotary: 0)])

    static let tokenizer = [UInt8]("tables of a tokenizer".utf8)

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/ister-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func draft(_ shape: ModelShape = shape, _ format: WeightFormat = .q8) -> ModelFileDraft {
        ModelFileDraft(
            shape: shape, formats: shape.requiredTensors().map { $0.isMatrix ? format : .vector },
            tokenizer: tokenizer, chatTemplate: "{{ messages }}",
            generationDefaults: .init(eosTokenIDs: [2], bosTokenID: 1, temperature: 0.7), provenance: provenance,
            isCertified: true)
    }

    static let provenance = Provenance(
        toolVersion: "0", recipe: "q8", sourceArchitecture: "LlamaForCausalLM",
        sourceFiles: [.init(name: "model.safetensors", bytes: 10, sha256: Digest256.unknown)], unknownKeys: ["a: b"],
        calibration: .init(method: "feedback", sha256: Digest256.unknown, tokens: 512, ownTokens: 1024))

    static let quality = ModelHeader.Quality(
        sha256: Digest256.unknown, contextLength: 512, windows: 4, positions: 1020, firstWindow: 28,
        meanDivergence: (0.0541, 0.001),
        perplexity: 33, sourcePerplexity: 31.32, perplexityRatio: (1.05, 0.01), sameTop: (0.86, 0.01))

    /// The bytes of tensor `index`: no two tensors are alike. A bit of every exponent is 0, so that all floats and
    /// halves are finite.
    static func content(_ index: Int, _ length: Int) -> [UInt8] {
        (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index &* 7 &+ $0 >> 8) & 0xBF }
    }

    /// Writes all tensors in pieces of `piece` bytes, last piece first.
    /// change: of the bytes of a tensor.
    static func fill(
        _ writer: ModelFileWriter, piece: Int = 1000, change: (Int, inout [UInt8]) -> Void = { _, _ in }
    ) throws {
        for (index, entry) in writer.plannedHeader.tensors.enumerated() {
            var bytes = content(index, entry.length)
            change(index, &bytes)
            for start in stride(from: 0, to: bytes.count, by: piece).reversed() {
                let part = Array(bytes[start..<min(start + piece, bytes.count)])
                try unsafe writer.write(tensor: index, at: start, part.span.bytes)
            }
        }
    }

    @discardableResult
    func write(
        _ draft: ModelFileDraft = draft(), piece: Int = 1000, replacing: Bool = false,
        change: (Int, inout [UInt8]) -> Void = { _, _ in }
    ) throws -> ModelHeader {
        let writer = try ModelFileWriter(path: path, draft: draft, replacing: replacing)
        try Self.fill(writer, piece: piece, change: change)
        return try writer.finish(
            provenance: draft.provenance,
            certificate: .init(tensorErrors: [TensorName.embedding: 1.0 / 3], quality: Self.quality), threads: 2)
    }

    func bytes() throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) }

    func replace(_ bytes: some Collection<UInt8>) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// Replaces the header by other text and signs the file again.
    func resign(_ header: [UInt8]) throws {
        let old = try bytes()
        let preamble = try Preamble.decode(Array(old[..<Preamble.length]))
        let blobs = old[FileLayout.align(Preamble.length + preamble.headerLength)...]
        let padding = max(0, preamble.headerLength - header.count)
        let text = header + [UInt8](repeating: 32, count: padding)
        let start = FileLayout.align(Preamble.length + text.count)
        let signed = Preamble(
            headerLength: text.count, fileLength: start + blobs.count, headerDigest: Digest256.of(text))
        let front = signed.encoded() + text
        try replace(front + [UInt8](repeating: 0, count: start - front.count) + blobs)
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
}
