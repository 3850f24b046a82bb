import Foundation
import Testing

@testable import IsterModelFile

/// Every single value of a signed header at the ends of its range and outside it.
struct HostileFieldTests {
    /// What a field of each kind is set to. Texts, because JSON can hold numbers that no Swift value has.
    private static let values = [
        "-9223372036854775808", "-1", "0", "1", "2", "3", "4294967296", "8388608", "8388609", "16777216", "16777217",
        "262144", "262145",
        "9223372036854775807", "9223372036854775808", "1e300", "-1e300", "1e999", "1e-300", "0.5", "null", "true",
        "\"\"", "\"none\"", "[]", "{}", "[[]]", "[{}]",
    ]

    /// Places of all scalar values in the header's JSON.
    private func scalarRanges(_ bytes: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var index = 0
        while index < bytes.count {
            let isValue = index > 0 && (bytes[index - 1] == UInt8(ascii: ":") || bytes[index - 1] == UInt8(ascii: "["))
            guard isValue, !"{[]".utf8.contains(bytes[index]) else {
                index += 1
                continue
            }
            let isString = bytes[index] == UInt8(ascii: "\"")
            var end = index + 1
            if isString {
                while bytes[end] != UInt8(ascii: "\"") { end += 1 }
                end += 1
            } else {
                while !",]}".utf8.contains(bytes[end]) { end += 1 }
            }
            ranges.append(index..<end)
            index = end
        }
        return ranges
    }

    @Test func `no value of any field traps, and what is accepted fits the weights`() throws {
        let model = try TinyModel()
        let header = try model.write()
        let text = try HeaderCoding.encode(header)
        let ranges = scalarRanges(text)
        try #require(ranges.count > 150)
        var accepted = 0
        for range in ranges {
            for value in Self.values {
                var changed = text
                changed.replaceSubrange(range, with: value.utf8)
                try model.resign(changed)
                do throws(ModelFileError) {
                    let file = try ModelFile.open(path: model.path)
                    accepted += 1
                    #expect(file.header.shape.requiredTensors().map(\.name) == header.tensors.map(\.name))
                    #expect(file.header.tensors.map(\.length) == header.tensors.map(\.length))
                    #expect(file.header.tensors.map(\.offset) == header.tensors.map(\.offset))
                } catch {
                    guard case .badData = error else {
                        Issue.record("\(error)")
                        continue
                    }
                }
            }
        }
        // Some fields, such as contextLength or a recipe's name, have more than one good value.
        #expect(accepted > 0 && accepted < ranges.count * Self.values.count / 10)
    }

    @Test(arguments: limits()) func `each limit of the shape holds at its edge`(limit: Limit) throws {
        for (value, good) in [(limit.low, true), (limit.high, true), (limit.low - limit.step, false)]
            + [(limit.high + limit.step, false)]
        {
            var shape = TinyModel.shape
            limit.set(&shape, value)
            do throws(ModelFileDefect) {
                try shape.validate()
                #expect(good, "\(limit.name) = \(value) is accepted")
            } catch {
                #expect(!good, "\(limit.name) = \(value): \(error)")
            }
        }
    }

    struct Limit: Sendable, CustomStringConvertible {
        var name: String
        var low: Int
        var high: Int
        var step = 1
        var set: @Sendable (inout ModelShape, Int) -> Void
        var description: String { name }
    }

    static func limits() -> [Limit] {
        [
            Limit(name: "vocabularySize", low: 1, high: 1 << 23) { $0.vocabularySize = $1 },
            Limit(name: "hiddenWidth", low: 4, high: 1 << 18, step: 4) { $0.hiddenWidth = $1 },
            Limit(name: "feedForwardWidth", low: 4, high: 1 << 18, step: 4) { $0.feedForwardWidth = $1 },
            Limit(name: "layerCount", low: 1, high: 1024) { shape, count in
                shape.layerCount = count
                shape.layers = Array(repeating: .init(window: nil, rotary: 0), count: max(0, count))
            },
            Limit(name: "layers", low: 2, high: 2) { shape, count in
                shape.layers = Array(repeating: .init(window: nil, rotary: 0), count: count)
            },
            Limit(name: "headCount", low: 1, high: 1024) { $0.headCount = $1 },
            Limit(name: "attention items", low: 1, high: 127) { shape, count in
                shape.headCount = count
                shape.keyValueHeadCount = count
            },
            Limit(name: "keyValueHeadCount", low: 1, high: 2) { $0.keyValueHeadCount = $1 },
            Limit(name: "headWidth", low: 4, high: 1024, step: 4) { $0.headWidth = $1 },
            Limit(name: "contextLength", low: 1, high: 1 << 24) { $0.contextLength = $1 },
            Limit(name: "window", low: 1, high: 1 << 24) { $0.layers[0].window = $1 },
            Limit(name: "rotary", low: 0, high: 0) { $0.layers[0].rotary = $1 },
            Limit(name: "rotaries", low: 1, high: 16) { shape, count in
                shape.rotaries = Array(repeating: .init(theta: 10000, scaling: .none), count: count)
            },
        ]
    }

    @Test func `numbers that are not finite are refused`() throws {
        for value in [Float.nan, .infinity, -.infinity, 0, -1] {
            for field in [\ModelShape.normEpsilon, \.attentionScale, \.embeddingScale] {
                var shape = TinyModel.shape
                shape[keyPath: field] = value
                #expect(throws: ModelFileDefect.self) { try shape.validate() }
            }
        }
        for value in [Double.nan, .infinity, 0, -1, 1] {
            var shape = TinyModel.shape
            shape.rotaries[0].theta = value
            #expect(throws: ModelFileDefect.self) { try shape.validate() }
        }
        for value in [Double.nan, .infinity, 0, -1] {
            let scalings: [ModelShape.Scaling] = [
                .linear(factor: value),
                .llama3(factor: value, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8),
                .llama3(factor: 2, lowFrequencyFactor: 1, highFrequencyFactor: value, originalContext: 8),
                .llama3(factor: 2, lowFrequencyFactor: 4, highFrequencyFactor: 4, originalContext: 8),
                .yarn(
                    factor: 2, betaFast: 32, betaSlow: value, originalContext: 8, attentionFactor: nil, truncate: true),
                .yarn(
                    factor: 2, betaFast: 32, betaSlow: 1, originalContext: 8, attentionFactor: value, truncate: true),
                .yarn(
                    factor: 2, betaFast: 32, betaSlow: 1, originalContext: 0, attentionFactor: nil, truncate: true),
            ]
            for scaling in scalings {
                var shape = TinyModel.shape
                shape.rotaries[0].scaling = scaling
                #expect(throws: ModelFileDefect.self, "\(scaling)") { try shape.validate() }
            }
        }
    }
}
