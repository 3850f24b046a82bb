import IsterModelFile
import Testing

struct RoundTripTests {
    @Test func `a written file reads back to the byte`() throws {
        let model = try TinyModel()
        let written = try model.write()
        let file = try ModelFile.open(path: model.path)
        #expect(file.header == written)
        #expect(file.header.shape == TinyModel.shape)
        #expect(file.header.chatTemplate == "{{ messages }}")
        #expect(file.header.generationDefaults.eosTokenIDs == [2])
        #expect(file.header.certificate?.tensorErrors == ["embedding": 1.0 / 3])
        #expect(file.tokenizerBytes == TinyModel.tokenizer)
        for (index, entry) in file.header.tensors.enumerated() {
            let view = try #require(file.tensor(named: entry.name))
            let bytes = unsafe Array(UnsafeRawBufferPointer(start: view.pointer, count: view.length))
            #expect(bytes == TinyModel.content(index, entry.length), "\(entry.name)")
            #expect(entry.offset % 4096 == 0)
        }
        #expect(file.tensor(named: "layers.2.query") == nil)
        try file.verify(threads: 2)
    }

    @Test func `tensors stand in the order of decode`() {
        let names = TinyModel.shape.requiredTensors().map(\.name)
        #expect(
            Array(names.prefix(14)) == [
                "embedding", "layers.0.attention_norm", "layers.0.query", "layers.0.query.bias", "layers.0.key",
                "layers.0.key.bias", "layers.0.value", "layers.0.value.bias", "layers.0.output",
                "layers.0.feed_forward_norm", "layers.0.gate", "layers.0.up", "layers.0.down",
                "layers.1.attention_norm",
            ])
        #expect(Array(names.suffix(2)) == ["norm", "head"])
    }

    @Test func `every variation of the shape has its tensors and no others`() {
        var shape = TinyModel.shape
        shape.layerCount = 1
        shape.layers = [.init(window: nil, rotary: 0)]
        shape.queryKeyValueBias = false
        let plain = Set(shape.requiredTensors().map(\.name))
        shape.tiedHead = true
        #expect(plain.subtracting(shape.requiredTensors().map(\.name)) == ["head"])
        shape.tiedHead = false
        shape.queryKeyNorm = true
        shape.outputNorms = true
        shape.attentionOutputBias = true
        shape.feedForwardBias = true
        shape.queryKeyValueBias = true
        let more = Set(shape.requiredTensors().map(\.name)).subtracting(plain)
        #expect(
            more == [
                "layers.0.query_norm", "layers.0.key_norm", "layers.0.attention_output_norm",
                "layers.0.feed_forward_output_norm", "layers.0.output.bias", "layers.0.gate.bias", "layers.0.up.bias",
                "layers.0.down.bias", "layers.0.query.bias", "layers.0.key.bias", "layers.0.value.bias",
            ])
    }

    @Test func `sizes of formats are those of the format's table`() {
        // 2560 columns: 10 full chunks; 80 columns pad to 96; 300 pad to 320 = 256 + 64.
        #expect(WeightFormat.f32.byteCount(rows: 17, columns: 80) == 2 * 64 * 96)
        #expect(WeightFormat.q8.byteCount(rows: 32, columns: 2560) == 2 * 10 * (64 + 16 * 256))
        #expect(WeightFormat.q8.byteCount(rows: 1, columns: 300) == (64 + 16 * 256) + (64 + 16 * 64))
        #expect(WeightFormat.q4.byteCount(rows: 16, columns: 2560) == 10 * (64 + 128 + 8 * 256))
        #expect(WeightFormat.q4.byteCount(rows: 16, columns: 300) == (64 + 128 + 2048) + (64 + 64 + 512))
        #expect(WeightFormat.q8g32.byteCount(rows: 16, columns: 2560) == 10 * (256 + 16 * 256))
        #expect(WeightFormat.q8g32.byteCount(rows: 17, columns: 80) == 2 * (128 + 16 * 96))
        #expect(WeightFormat.q4g32.byteCount(rows: 16, columns: 300) == (256 + 8 * 256) + (64 + 8 * 64))
        #expect(WeightFormat.vector.byteCount(rows: 1, columns: 33) == 4 * 64)
    }

    @Test(arguments: WeightFormat.allCases.filter { $0 != .vector })
    func `every format of matrices is written, opened and verified`(format: WeightFormat) throws {
        let model = try TinyModel()
        try model.write(TinyModel.draft(TinyModel.shape, format))
        let file = try ModelFile.open(path: model.path)
        #expect(file.tensor(named: "embedding")?.format == format)
        try file.verify(threads: 1)
    }

    @Test func `bits per weight count matrices with their padding`() throws {
        let model = try TinyModel()
        try model.write()
        let file = try ModelFile.open(path: model.path)
        // Panels of 32 padded columns take 64 + 512 bytes. Panels a tensor: embedding and head 2, the others 1.
        let panels = 2.0 * 2 + 2 * 7
        let weights = 2.0 * 20 * 8 + 2 * (8 * 8 + 2 * 4 * 8 + 8 * 8 + 3 * 12 * 8)
        #expect(file.bitsPerWeight == 8 * 576 * panels / weights)
    }

    @Test func `the bytes do not depend on the order and size of writes`() throws {
        let first = try TinyModel()
        let second = try TinyModel()
        try first.write(piece: 1000)
        try second.write(piece: 77)
        #expect(try first.bytes() == second.bytes())
    }

    @Test func `populate reads a mapped file without changing it`() throws {
        let model = try TinyModel()
        try model.write()
        let file = try ModelFile.open(path: model.path)
        file.populate(threads: 2)
        try file.verify(threads: 1)
    }

    @Test func `verify reports all bytes at its end`() throws {
        let model = try TinyModel()
        try model.write()
        let file = try ModelFile.open(path: model.path)
        var last: ModelFile.VerifyProgress?
        try file.verify(threads: 2) { last = $0 }
        #expect(last?.bytesDone == file.fileBytes)
        #expect(last?.bytesTotal == file.fileBytes)
    }
}
