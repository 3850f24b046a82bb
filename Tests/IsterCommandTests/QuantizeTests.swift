import IsterQuantizer
import Testing

@testable import ister

struct QuantizeTests {
    @Test(arguments: [1, 3, 4, 15, 16, 190, 1000], [1, 4, 128])
    func `what a calibration is given and what is held out of its text never overlap`(count: Int, limit: Int) {
        for wanted in [0, 1, 16] {
            let parts = CalibrationText.parts(of: count, limit: limit, heldOut: wanted)
            let isInOrder = zip(parts.chunks, parts.chunks.dropFirst()).allSatisfy { $0 < $1 }
            #expect(isInOrder)
            #expect(!parts.chunks.isEmpty && parts.chunks.count <= limit)
            let isInside = parts.chunks.allSatisfy { $0 >= 0 && $0 < parts.heldOut.lowerBound }
            #expect(isInside)
            #expect(parts.heldOut.upperBound == count)
            #expect(parts.heldOut.count <= wanted && parts.heldOut.count <= max(1, count / 8))
            #expect(parts.heldOut.isEmpty == (wanted == 0 || count < 4))
        }
    }

    @Test func `without a certificate a text is used as far as its end`() {
        #expect(CalibrationText.parts(of: 190, limit: 4, heldOut: 0).chunks == [0, 47, 95, 142])
        #expect(CalibrationText.parts(of: 190, limit: 4, heldOut: 16).chunks == [0, 43, 87, 130])
    }

    @Test func `sizes lie between those of q4 and q8g256`() throws {
        func bytes(_ size: TargetSize) throws -> Int {
            try size.bytes(parameters: 1000) { preset throws(QuantizerError) in preset == .q4 ? 600 : 1000 }
        }
        let sizes = [try bytes(.between(0)), try bytes(.between(0.25)), try bytes(.bits(5.35))]
        #expect(sizes == [600, 700, 668])
        for preset in QuantizePreset.allCases where preset.size != nil {
            #expect(preset.base == .q4 && preset.isCalibrated)
        }
    }

    @Test func `every format has a preset of its own name`() {
        for preset in Preset.allCases {
            let named = QuantizePreset(preset)
            #expect(named.rawValue == preset.rawValue && named.base == preset)
            #expect(named.size == nil && !named.isCalibrated)
        }
    }
}
