import IsterModelFile
import IsterQuantizer
import Testing

struct CertificationTests {
    /// Says what a test wants, and looks at the file that it is given.
    private final class Measurement: QualityMeasurement {
        let divergence: Double
        private(set) var seen: [String] = []

        init(_ divergence: Double) { self.divergence = divergence }

        func quality(of file: ModelFile) throws(QuantizerError) -> ModelHeader.Quality {
            seen.append(file.header.provenance.recipe)
            if divergence.isInfinite { throw .calibration(.model(reason: "broken")) }
            return ModelHeader.Quality(
                sha256: String(repeating: "0a", count: 32), contextLength: 512, windows: 3, positions: 765,
                meanDivergence: (divergence, 0.000_123_456_78), perplexity: 31.987_654_321,
                sourcePerplexity: 31.123_456_789, perplexityRatio: (1.027_765_4, 0.001), sameTop: (0.9512, 0.01))
        }
    }

    private func convert(
        _ fixture: ConversionFixture, _ measurement: Measurement, limit: Double?
    ) throws -> ConversionReport {
        try Conversion(
            source: fixture.source, output: fixture.output, preset: .q4, threads: 1, replacing: true,
            certification: Certification(measurement: measurement, maximumDivergence: limit)
        ).run()
    }

    @Test func `what was measured stands in the file, with six digits`() throws {
        let fixture = try ConversionFixture("stories260K")
        let measurement = Measurement(0.070_712_345)
        let report = try convert(fixture, measurement, limit: 0.1)
        #expect(measurement.seen == ["q4"])
        let file = try ModelFile.open(path: fixture.output)
        try file.verify(threads: 1)
        let quality = try #require(file.header.certificate?.quality)
        #expect(file.header == report.header)
        #expect(quality.meanDivergence == 0.0707123)
        #expect(quality.meanDivergenceError == 0.000123457)
        #expect(quality.perplexity == 31.9877)
        #expect(quality.sameTop == 0.9512)
        #expect(quality.positions == 765)
        #expect(file.header.certificate?.tensorErrors.isEmpty == false)
    }

    @Test(arguments: [0.2, .nan]) func `a file too far from its source is refused, and none is left`(
        found: Double
    ) throws {
        let fixture = try ConversionFixture("stories260K")
        #expect {
            try convert(fixture, Measurement(found), limit: 0.1)
        } throws: { error in
            guard case QuantizerError.tooFarFromSource(_, let limit) = error else { return false }
            return limit == 0.1
        }
        #expect(try fixture.outputs().isEmpty)
    }

    @Test func `a refused file does not touch the one that is there`() throws {
        let fixture = try ConversionFixture("stories260K")
        _ = try convert(fixture, Measurement(0.05), limit: nil)
        let before = try fixture.bytes(fixture.output)
        #expect(throws: QuantizerError.tooFarFromSource(found: 0.3, limit: 0)) {
            try convert(fixture, Measurement(0.3), limit: 0)
        }
        #expect(try fixture.bytes(fixture.output) == before)
        #expect(try fixture.outputs() == ["model.ister"])
    }

    @Test func `a measurement that fails leaves no file`() throws {
        let fixture = try ConversionFixture("stories260K")
        #expect(throws: QuantizerError.calibration(.model(reason: "broken"))) {
            try convert(fixture, Measurement(.infinity), limit: nil)
        }
        #expect(try fixture.outputs().isEmpty)
    }

    @Test func `a quality that is no number is refused without a limit, too`() throws {
        let fixture = try ConversionFixture("stories260K")
        #expect(throws: QuantizerError.self) { try convert(fixture, Measurement(.nan), limit: nil) }
        #expect(try fixture.outputs().isEmpty)
    }
}
