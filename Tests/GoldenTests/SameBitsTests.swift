import IsterDecoder
import IsterModelFile
import IsterQuantizer
import Testing

/// Logits as bit patterns.
private func bits(_ logits: [[Float]]) -> [[UInt32]] { logits.map { $0.map(\.bitPattern) } }

@Suite struct SameBitsTests {
    static let models = ["mistral-sliding-window", "stories260K", "llama-rope-linear-bias"]

    @Test(arguments: models, Preset.allCases)
    func `logits do not depend on threads, chunks or instruction set`(name: String, preset: Preset) throws {
        let ids = try Reference(fixture: name).inputIDs
        let model = try ConvertedModel(name, preset)
        let expected = bits(try model.decoder { $0.instructionSet = "scalar" }.allLogits(ids, chunk: 512))
        for threads in [1, 2, 3] {
            for chunk in [1, 7, 64] {
                let found = try model.decoder { $0.threads = threads }.allLogits(ids, chunk: chunk)
                #expect(bits(found) == expected, "\(threads) threads, chunks of \(chunk)")
            }
        }
        for name in Machine.availableInstructionSets {
            let found = try model.decoder { $0.instructionSet = name }.allLogits(ids, chunk: 7)
            #expect(bits(found) == expected, "\(name)")
        }
    }

    @Test(arguments: models)
    func `with the int8 cache logits do not depend on threads, chunks or instruction set`(name: String) throws {
        let ids = try Reference(fixture: name).inputIDs
        let model = try ConvertedModel(name, .q8)
        let halves = bits(try model.decoder().allLogits(ids, chunk: 512))
        func logits(chunk: Int, threads: Int = 1, _ isa: String? = nil) throws -> [[UInt32]] {
            let decoder = try model.decoder {
                $0.cacheFormat = .q8
                $0.instructionSet = isa
                $0.threads = threads
            }
            return bits(try decoder.allLogits(ids, chunk: chunk))
        }
        let expected = try logits(chunk: 512, "scalar")
        #expect(expected != halves)
        for chunk in [1, 7, 64] { #expect(try logits(chunk: chunk, threads: 2) == expected, "chunks of \(chunk)") }
        for isa in Machine.availableInstructionSets { #expect(try logits(chunk: 7, isa) == expected, "\(isa)") }
    }

    @Test(arguments: Preset.allCases)
    func `logits do not depend on what else is in the batch`(preset: Preset) throws {
        let ids = try Reference(fixture: "mistral-sliding-window").inputIDs
        let model = try ConvertedModel("mistral-sliding-window", preset)
        let alone = bits(try model.decoder().allLogits(ids, chunk: 512))
        let decoder = try model.decoder {
            $0.sequenceCount = 3
            $0.threads = 2
        }
        // Sequence 1 advances by one token beside a prompt of another length in sequence 2 and one behind it in 0.
        for (step, id) in ids.enumerated() {
            if step % 5 == 0 { decoder.reset(sequence: 2) }
            var slices = [TokenSlice(sequence: 2, tokens: Array(ids[0...step % 11]), logits: .last)]
            slices.append(TokenSlice(sequence: 1, tokens: [id], logits: .all))
            slices.append(TokenSlice(sequence: 0, tokens: [ids[ids.count - 1 - step]], logits: .none))
            try decoder.forward(slices)
            #expect(decoder.logitRowCount == 2)
            #expect(decoder.copyLogits(row: 1).map(\.bitPattern) == alone[step])
        }
    }
}

@Suite struct ObserverTests {
    @Test func `an observer sees the input of every matrix and changes nothing`() throws {
        let ids = try Reference(fixture: "stories260K").inputIDs
        let model = try ConvertedModel("stories260K", .f32)
        let expected = try model.decoder().allLogits(ids, chunk: 512)
        let decoder = try model.decoder { $0.threads = 2 }
        var widths: [ActivationSite: Int] = [:]
        var energy: [ActivationSite: Float] = [:]
        unsafe decoder.observer = { site, rows, count, stride, width in
            widths[site] = width
            energy[site] = (0..<count).reduce(Float(0)) { sum, row in
                (0..<width).reduce(sum) { unsafe $0 + rows[row * stride + $1] * rows[row * stride + $1] }
            }
            #expect(count == ids.count)
        }
        #expect(try decoder.allLogits(ids, chunk: 512) == expected)
        // Four matrices' inputs and the residual stream of each layer, and what comes after the last one.
        #expect(widths.count == 5 * 5 + 2)
        #expect(widths[.down(layer: 4)] == 172)
        #expect(energy.values.allSatisfy { $0 > 0 && $0.isFinite })
    }

    @Test(arguments: ["stories260K", "mistral-sliding-window"], [Preset.f32, .q4])
    func `a model that is run a few layers at a time gives the same bits`(name: String, preset: Preset) throws {
        let ids = Array(try Reference(fixture: name).inputIDs.prefix(40))
        let chunks = stride(from: 0, to: ids.count, by: 7).map { Array(ids[$0..<min($0 + 7, ids.count)]) }
        let decoder = try ConvertedModel(name, preset).decoder { $0.threads = 2 }
        let expected = try decoder.allLogits(ids, chunk: 7)
        let last = decoder.shape.layerCount
        // [chunk][tokens of the chunk][hiddenWidth]
        var residuals = chunks.map { _ in [Float]() }
        var found: [[Float]] = []
        for layers in [0..<1, 1..<1, 1..<last, last..<last] {
            decoder.reset(sequence: 0)
            for (index, chunk) in chunks.enumerated() {
                var seen: [Float] = []
                unsafe decoder.observer = { site, rows, count, stride, width in
                    guard site == .residual(layer: layers.upperBound) else { return }
                    for row in 0..<count {
                        unsafe seen += UnsafeBufferPointer(start: rows + row * stride, count: width)
                    }
                }
                try decoder.forward(
                    [TokenSlice(sequence: 0, tokens: chunk, logits: .all)], layers: layers,
                    residuals: residuals[index])
                residuals[index] = seen
                #expect(decoder.logitRowCount == (layers.upperBound == last ? chunk.count : 0))
                if layers.lowerBound == last {
                    found += (0..<chunk.count).map { decoder.copyLogits(row: $0) }
                }
            }
        }
        #expect(found == expected)
    }
}
