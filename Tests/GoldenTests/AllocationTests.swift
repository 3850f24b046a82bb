import IsterModelFile
import IsterQuantizer
import Testing

struct AllocationTests {
    private func conversion(_ fixture: ConversionFixture, _ allocation: Allocation? = nil) -> Conversion {
        Conversion(source: fixture.source, output: fixture.output, preset: .q4, threads: 2, allocation: allocation)
    }

    private func shape(_ fixture: ConversionFixture) throws -> ModelShape {
        try conversion(fixture).plan().header.shape
    }

    /// All matrices in Q4.
    private func small(_ shape: ModelShape) -> Allocation {
        let matrices = shape.requiredTensors().filter(\.isMatrix)
        return Allocation(name: "small", formats: Dictionary(uniqueKeysWithValues: matrices.map { ($0.name, .q4) }))
    }

    @Test func `a plan is the file to be, and nothing is written`() throws {
        let fixture = try ConversionFixture("mistral-sliding-window")
        for preset in Preset.allCases {
            let job = Conversion(source: fixture.source, output: fixture.output, preset: preset, replacing: true)
            let before = try fixture.outputs()
            let plan = try job.plan()
            #expect(try fixture.outputs() == before)
            let report = try job.run()
            #expect(plan.fileBytes == report.fileBytes)
            #expect(plan.header.bitsPerWeight == report.bitsPerWeight)
            #expect(plan.header.tensors.map(\.format) == report.header.tensors.map(\.format))
        }
    }

    @Test func `8 bits go where they gain most per byte, as far as the size allows`() throws {
        let fixture = try ConversionFixture("stories260K")
        let shape = try shape(fixture)
        let groups = Sensitivity.groups(shape, bands: 2)
        // 5 layers in two bands, seven roles, embedding (the head as well).
        #expect(groups.count == 15)
        #expect(Set(groups.flatMap { $0 }.map(\.name)).count == 36)
        let smallest = try conversion(fixture, small(shape)).plan().fileBytes
        let sensitivities = groups.map { group in
            Sensitivity(tensors: group, loss: group.contains { $0.role == .value } ? 1 : 1e-6)
        }
        let target = smallest + 5 * 4096
        let allocation = try #require(Allocation(name: "test", sensitivities, smallest: smallest, fileBytes: target))
        let raised = allocation.formats.filter { $0.value == .q8 }.map(\.key).sorted()
        #expect(raised.filter { $0.hasSuffix("value") }.count >= 2)
        let report = try conversion(fixture, allocation).run()
        #expect(report.fileBytes <= target)
        #expect(report.header.provenance.recipe == "test")
        let stored = report.header.tensors.filter { $0.format == "q8" }.map(\.name).sorted()
        #expect(stored == raised)
    }

    @Test func `all that fits is raised, and less than the smallest file is refused`() throws {
        let fixture = try ConversionFixture("llama-rope-linear-bias")
        let shape = try shape(fixture)
        let sensitivities = Sensitivity.groups(shape, bands: 8).map { Sensitivity(tensors: $0, loss: 0) }
        let smallest = try conversion(fixture, small(shape)).plan().fileBytes
        #expect(Allocation(name: "x", sensitivities, smallest: smallest, fileBytes: smallest - 1) == nil)
        let all = try #require(Allocation(name: "x", sensitivities, smallest: smallest, fileBytes: 1 << 30))
        #expect(all.formats.values.allSatisfy { $0 == .q8 })
        let none = try #require(Allocation(name: "x", sensitivities, smallest: smallest, fileBytes: smallest))
        #expect(try conversion(fixture, none).plan().fileBytes == smallest)
    }

    @Test func `a probe is the 8-bit file's tensor, or one with a larger error`() throws {
        let fixture = try ConversionFixture("stories260K")
        try Conversion(source: fixture.source, output: fixture.output, preset: .q8g256).run()
        let file = try ModelFile.open(path: fixture.output)
        let probe = try RoundingProbe(checkpoint: fixture.source, threads: 2)
        let down = try #require(file.header.shape.requiredTensors().first { $0.name == "layers.1.down" })
        let entry = try #require(file.header.tensors.first { $0.name == down.name })
        let stored = Array(try fixture.bytes(fixture.output)[entry.offset..<entry.offset + entry.length])
        #expect(try probe.panels(of: down, enlargement: 0) == stored)
        let enlarged = try probe.panels(of: down, enlargement: 3)
        #expect(enlarged.count == stored.count)
        #expect(enlarged != stored)
    }
}
