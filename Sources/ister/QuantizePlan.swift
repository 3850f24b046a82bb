import IsterModelFile
import IsterQuantizer

/// What files of a checkpoint would take, for `quantize --plan`.
struct QuantizePlan {
    /// Positions of a sequence for which the memory is told, if the model has as many.
    private static let positions = 4096

    private struct Row {
        let name: String
        let header: ModelHeader
        let fileBytes: Int

        var fileBitsPerWeight: Double { 8 * Double(fileBytes) / Double(max(header.parameterCount, 1)) }

        /// Of a sequence with keys and values in f16.
        var cacheBytes: Int {
            let shape = header.shape
            let held = shape.layers.map { min(positions, $0.window ?? positions) }.reduce(0, +)
            return held * 2 * shape.keyValueHeadCount * shape.headWidth * 2
        }

        var positions: Int { min(QuantizePlan.positions, header.shape.contextLength) }

        /// Matrices by format.
        var formats: String {
            WeightFormat.allCases.filter { $0 != .vector }.compactMap { format in
                let found = header.tensors.filter { $0.format == format.rawValue }
                return found.isEmpty ? nil : "\(format.rawValue) \(found.count)"
            }.joined(separator: ", ")
        }
    }

    private let rows: [Row]

    /// conversions: those to tell of, with their names.
    init(_ conversions: [(name: String, conversion: Conversion)]) throws(QuantizerError) {
        var rows: [Row] = []
        for (name, conversion) in conversions {
            let (header, bytes) = try conversion.plan()
            rows.append(Row(name: name, header: header, fileBytes: bytes))
        }
        self.rows = rows
    }

    var table: String {
        let head = line(["preset", "file", "bits/weight", "memory", "matrices"])
        let lines = rows.map { row in
            line([
                row.name, binarySize(row.fileBytes), decimals(row.fileBitsPerWeight, 3),
                binarySize(row.fileBytes + row.cacheBytes), row.formats,
            ])
        }
        let positions = rows.first?.positions ?? 0
        return ([head] + lines).joined(separator: "\n")
            + "\nmemory: the file and keys and values (f16) of \(positions) tokens; nothing was written\n"
    }

    private func line(_ cells: [String]) -> String {
        zip(cells, [10, 12, 13, 12, 0]).map { padded($0, $1) }.joined(separator: " ").trimmingSpaces()
    }

    var json: JSONText {
        .object([
            (
                "plans",
                .array(
                    rows.map { row in
                        .object([
                            ("preset", .string(row.name)), ("bytes", .integer(row.fileBytes)),
                            ("file_bits_per_weight", .number(row.fileBitsPerWeight)),
                            ("bits_per_weight", .number(row.header.bitsPerWeight)),
                            ("cache_bytes", .integer(row.cacheBytes)), ("cache_tokens", .integer(row.positions)),
                            (
                                "formats",
                                .object(row.header.tensors.map { ($0.name, .string($0.format)) })
                            ),
                        ])
                    })
            )
        ])
    }
}
