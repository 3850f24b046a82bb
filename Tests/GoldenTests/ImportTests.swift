import Foundation
import IsterModelFile
import IsterQuantizer
import Testing

/// A checkpoint that is quantized already: Tests/IsterCheckpointTests/Golden/tiny.gguf, written by the Python package
/// `gguf`, with hashes of the values that the package gives (Tools/golden-checkpoints.py).
struct ImportTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("IsterCheckpointTests/Golden")
    private static let source = golden.appendingPathComponent("tiny.gguf").path

    private func converted(_ preset: Preset, _ fixture: ConversionFixture) throws -> ConversionReport {
        try Conversion(source: Self.source, output: fixture.output, preset: preset, threads: 2).run()
    }

    /// Values of a q8g32 or q4g32 tensor by a reader of the documented layout; at most 256 columns, a multiple of 64.
    private func values(_ entry: ModelHeader.TensorEntry, _ file: [UInt8]) -> [Float] {
        let isNarrow = entry.format == "q4g32"
        let head = entry.columns
        let panelBytes = head + entry.columns * (isNarrow ? 8 : 16)
        return (0..<entry.rows * entry.columns).map { index in
            let (row, column) = index.quotientAndRemainder(dividingBy: entry.columns)
            let panel = entry.offset + row / 16 * panelBytes
            let place = panel + (column / 32 * 16 + row % 16) * 2
            let scale = Float(Float16(bitPattern: UInt16(file[place]) | UInt16(file[place + 1]) << 8))
            if isNarrow {
                let line = column / 32 * 4 + column % 16 / 4
                let byte = file[panel + head + line * 64 + row % 16 * 4 + column % 4]
                return scale * Float(Int(column % 32 < 16 ? byte & 15 : byte >> 4) - 8)
            }
            return scale * Float(Int(file[panel + head + column / 4 * 64 + row % 16 * 4 + column % 4]) - 128)
        }
    }

    private func hash(_ values: [Float]) -> String {
        let hash = values.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test func `Q8_0 and Q4_0 keep every bit, all else gets 8 bits`() throws {
        let fixture = try ConversionFixture("stories260K")
        let header = try converted(.imported, fixture).header
        let file = try fixture.bytes(fixture.output)
        try ModelFile.open(path: fixture.output).verify(threads: 1)
        let json = try JSONSerialization.jsonObject(
            with: Data(contentsOf: Self.golden.appendingPathComponent("tiny.json")))
        let hashes = try #require(json as? [String: String])
        let kept = [
            "embedding": ("q8g32", "model.embed_tokens"),
            "layers.0.query": ("q4g32", "model.layers.0.self_attn.q_proj"),
            "layers.0.gate": ("q4g32", "model.layers.0.mlp.gate_proj"),
            "layers.1.key": ("q8g32", "model.layers.1.self_attn.k_proj"),
            "layers.1.up": ("q8g32", "model.layers.1.mlp.up_proj"),
        ]
        let errors = try #require(header.certificate?.tensorErrors)
        for entry in header.tensors where entry.format != "vector" {
            if let (format, source) = kept[entry.name] {
                #expect(entry.format == format)
                #expect(errors[entry.name] == 0)
                #expect(hash(values(entry, file)) == hashes[source + ".weight"], "\(entry.name)")
            } else {
                #expect(entry.format == "q8g32")
                let error = try #require(errors[entry.name])
                #expect(error > 0 && error < 5e-5, "\(entry.name)")
            }
        }
        #expect(header.provenance.recipe == "import")
    }

    @Test func `8 bits keep what has 8 bits, whatever the preset is called`() throws {
        let fixture = try ConversionFixture("stories260K")
        let errors = try #require(try converted(.q8, fixture).header.certificate?.tensorErrors)
        #expect(errors["embedding"] == 0 && errors["layers.1.up"] == 0)
        #expect(try #require(errors["layers.0.query"]) > 0)
    }

    @Test func `floats that 16-bit scales do not reach are refused`() throws {
        let fixture = try ConversionFixture("stories260K")
        let (values, start) = try fixture.tensor("model.layers.1.mlp.up_proj.weight")
        var file = try fixture.bytes(fixture.source + "/model.safetensors")
        // Weights times 2^-30 in place.
        let width = 4
        try #require(start + values.count * width <= file.count)
        for (index, value) in values.enumerated() {
            let small = (value * 0x1p-30).bitPattern
            for byte in 0..<width {
                file[start + index * width + byte] = UInt8(truncatingIfNeeded: small >> UInt32(8 * byte))
            }
        }
        try fixture.write(file, to: "source/model.safetensors")
        let error = #expect(throws: QuantizerError.self) {
            try Conversion(source: fixture.source, output: fixture.output, preset: .q8, threads: 1).run()
        }
        guard case .weightsOutOfRange(_, let tensor, let ratio) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(tensor == "layers.1.up" && ratio > 1e-3)
        #expect("\(error!)".contains("q8g256"))
        #expect(try fixture.outputs() == [])
        try Conversion(source: fixture.source, output: fixture.output, preset: .q8g256, threads: 1).run()
    }
}
