import Foundation
import IsterModelFile
import IsterQuantizer
import Testing

struct ConversionTests {
    static let fixtures = [
        "stories260K", "mistral-sliding-window", "mistral-no-window", "llama-tied-rope-llama3", "llama-rope-yarn",
        "llama-rope-linear-bias",
    ]

    @Test(arguments: fixtures, Preset.allCases)
    func `every fixture becomes a file that opens and verifies`(name: String, preset: Preset) throws {
        let fixture = try ConversionFixture(name)
        let report = try Conversion(source: fixture.source, output: fixture.output, preset: preset, threads: 2).run()
        let file = try ModelFile.open(path: fixture.output)
        try file.verify(threads: 2)
        #expect(file.header == report.header)
        #expect(file.fileBytes == report.fileBytes)
        #expect(file.header.provenance.recipe == preset.rawValue)
        #expect(try fixture.outputs() == ["model.ister"])
        let formats = Set(file.header.tensors.filter { $0.rows > 1 }.map(\.format))
        let needed: [Preset: Set<String>] = [
            .f32: ["f32"], .q8: ["q8g32"], .q8g256: ["q8"], .q4: ["q4", "q8"], .imported: ["q8g32"],
        ]
        #expect(formats == needed[preset])
        let limits: [Preset: Double] = [.f32: 0, .q8: 5e-5, .q8g256: 1e-4, .q4: 2e-2, .imported: 5e-5]
        let limit = try #require(limits[preset])
        #expect(report.relativeSquaredError <= limit)
        #expect(preset == .f32 || report.relativeSquaredError > 0)
        let errors = try #require(file.header.certificate?.tensorErrors)
        #expect(errors.keys.sorted() == file.header.tensors.filter { $0.rows > 1 }.map(\.name).sorted())
        #expect(errors.values.allSatisfy { $0 <= 2 * limit })
    }

    @Test func `the shape is the checkpoint's`() throws {
        let fixture = try ConversionFixture("mistral-sliding-window")
        let shape = try Conversion(source: fixture.source, output: fixture.output, preset: .f32).run().header.shape
        let needed = ModelShape(
            vocabularySize: 384, hiddenWidth: 160, feedForwardWidth: 352, layerCount: 3, headCount: 8,
            keyValueHeadCount: 2, headWidth: 20, contextLength: shape.contextLength, normEpsilon: 1e-5,
            attentionScale: 1 / Float(20).squareRoot(), rotaries: [.init(theta: 10000, scaling: .none)],
            layers: Array(repeating: .init(window: 13, rotary: 0), count: 3))
        #expect(shape == needed)
    }

    @Test func `float panels hold the checkpoint's values, column by column, with zeros around them`() throws {
        let fixture = try ConversionFixture("stories260K")
        try Conversion(source: fixture.source, output: fixture.output, preset: .f32).run()
        let bytes = try fixture.bytes(fixture.output)
        let header = try ModelFile.open(path: fixture.output).header
        // 172 columns pad to 192; 32 rows of the key projection are two panels.
        for (name, source) in [
            ("layers.1.down", "model.layers.1.mlp.down_proj.weight"),
            ("layers.4.key", "model.layers.4.self_attn.k_proj.weight"), ("embedding", "model.embed_tokens.weight"),
        ] {
            let entry = try #require(header.tensors.first { $0.name == name })
            let values = try fixture.tensor(source).values
            let width = (entry.columns + 31) / 32 * 32
            var wrong = 0
            for row in 0..<(entry.rows + 15) / 16 * 16 {
                for column in 0..<width {
                    let place = (row / 16 * width + column) * 16 + row % 16
                    let found = Float(bitPattern: fixture.word(bytes, entry.offset + 4 * place))
                    let inside = row < entry.rows && column < entry.columns
                    if found != (inside ? values[row * entry.columns + column] : 0) { wrong += 1 }
                }
            }
            #expect(wrong == 0, "\(name)")
        }
        let norm = try #require(header.tensors.first { $0.name == "layers.2.attention_norm" })
        let values = try fixture.tensor("model.layers.2.input_layernorm.weight").values
        #expect((0..<64).map { Float(bitPattern: fixture.word(bytes, norm.offset + 4 * $0)) } == values)
        #expect(norm.length == 256)
    }

    @Test func `the certificate is the error of what stands in the file`() throws {
        let fixture = try ConversionFixture("stories260K")
        try Conversion(source: fixture.source, output: fixture.output, preset: .q8g256).run()
        let bytes = try fixture.bytes(fixture.output)
        let header = try ModelFile.open(path: fixture.output).header
        let entry = try #require(header.tensors.first { $0.name == "layers.3.gate" })
        let values = try fixture.tensor("model.layers.3.mlp.gate_proj.weight").values
        // 64 columns: one chunk of 16 scales and 16 lines of 64 bytes.
        var (error, sum) = (0.0, 0.0)
        for row in 0..<entry.rows {
            let panel = entry.offset + row / 16 * (64 + 16 * 64)
            let scale = Float(bitPattern: fixture.word(bytes, panel + 4 * (row % 16)))
            for column in 0..<64 {
                let weight = Int(bytes[panel + 64 + column / 4 * 64 + row % 16 * 4 + column % 4]) - 128
                let source = Double(values[row * 64 + column])
                let difference = Double(scale * Float(weight)) - source
                error += difference * difference
                sum += source * source
            }
        }
        let stored = try #require(header.certificate?.tensorErrors["layers.3.gate"])
        #expect(abs(stored - error / sum) <= 1e-6 * stored)
    }

    @Test(arguments: Preset.allCases) func `the bytes do not depend on the number of threads`(preset: Preset) throws {
        let fixture = try ConversionFixture("mistral-sliding-window")
        var files: [[UInt8]] = []
        for threads in [1, 2, 5] {
            try Conversion(
                source: fixture.source, output: fixture.output, preset: preset, threads: threads, replacing: true
            ).run()
            files.append(try fixture.bytes(fixture.output))
        }
        #expect(files[0] == files[1])
        #expect(files[0] == files[2])
    }

    @Test func `source files are recorded by name, size and checksum`() throws {
        let fixture = try ConversionFixture("stories260K")
        let report = try Conversion(source: fixture.source, output: fixture.output, preset: .q4).run()
        let files = report.header.provenance.sourceFiles
        // Checksum by sha256sum.
        let weights = Provenance.SourceFile(
            name: "model.safetensors", bytes: 1_044_992,
            sha256: "407a7c581bdd66972383ce9ad24857713fb98786d06ea564a2fe9b34ebe77dfd")
        #expect(files.contains(weights))
        #expect(Set(files.map(\.name)).isSuperset(of: ["config.json", "tokenizer.model"]))
        #expect(report.header.provenance.sourceArchitecture == "LlamaForCausalLM")
    }

    /// Its weights are replaced while the calibration text runs, which is before checksums are computed.
    @Test func `checksums are those of the bytes that were converted, whatever has their names by then`() throws {
        let fixture = try ConversionFixture("stories260K")
        let path = fixture.source + "/model.safetensors"
        let bytes = try fixture.bytes(path)
        let others = [UInt8](repeating: 1, count: bytes.count)
        let source = try DecoderSource("stories260K")
        source.corrupt = { _, _ in
            try? FileManager.default.removeItem(atPath: path)
            try? fixture.write(others, to: "source/model.safetensors")
        }
        let report = try Conversion(
            source: fixture.source, output: fixture.output, preset: .q4,
            calibration: Calibration(source: source, method: .importance)
        ).run()
        #expect(try fixture.bytes(path) == others)
        let weights = report.header.provenance.sourceFiles.first { $0.name == "model.safetensors" }
        #expect(weights?.sha256 == "407a7c581bdd66972383ce9ad24857713fb98786d06ea564a2fe9b34ebe77dfd")
    }

    @Test func `a chat template that is not kept is a warning`() throws {
        let fixture = try ConversionFixture("stories260K")
        let path = fixture.source + "/tokenizer_config.json"
        let templates = #"{"chat_template": [{"name": "tool_use", "template": "T"}],"#
        let settings = try fixture.bytes(path).drop { $0 != UInt8(ascii: "{") }.dropFirst()
        try fixture.write(Array(templates.utf8) + settings, to: "source/tokenizer_config.json")
        let report = try Conversion(source: fixture.source, output: fixture.output, preset: .q8).run()
        #expect(report.warnings == [#"chat template that is not kept: tokenizer_config.json: "tool_use""#])
    }

    @Test func `progress rises to the total and ends with the proof`() throws {
        let fixture = try ConversionFixture("stories260K")
        var steps: [ConversionProgress] = []
        try Conversion(source: fixture.source, output: fixture.output, preset: .q4).run { steps.append($0) }
        #expect(steps.map(\.bytesDone) == steps.map(\.bytesDone).sorted())
        let last = try #require(steps.last)
        #expect(last.stage == .proving)
        #expect(last.bytesDone == last.bytesTotal)
        // 260032 floats of weights and norms.
        #expect(last.bytesTotal == 4 * 260_032)
    }

    @Test(arguments: [false, true]) func `the 4-bit preset keeps the head in 8 bits, also when it is tied`(
        tied: Bool
    ) throws {
        let fixture = try ConversionFixture(tied ? "llama-tied-rope-llama3" : "llama-rope-linear-bias")
        let header = try Conversion(source: fixture.source, output: fixture.output, preset: .q4).run().header
        let formats = Dictionary(uniqueKeysWithValues: header.tensors.map { ($0.name, $0.format) })
        #expect(formats["embedding"] == (tied ? "q8" : "q4"))
        #expect(formats["head"] == (tied ? nil : "q8"))
        #expect(formats["layers.1.down"] == "q4")
        #expect(formats["layers.1.query.bias"] == (tied ? nil : "vector"))
        #expect(formats["layers.1.down.bias"] == (tied ? nil : "vector"))
        #expect(formats["norm"] == "vector")
    }
}
