import IsterModelFile
import IsterQuantizer

/// What files of a checkpoint would take, for `quantize --plan`.
struct QuantizePlan {
    /// Positions of a sequence for which the memory is told, if the model has as many.
    private static let positions = 4096

    struct Row {
        let name: String
        /// nil for a size that was given in bits.
        let preset: QuantizePreset?
        private let header: ModelHeader
        /// The most that the file may have where the formats are not known.
        let fileBytes: Int
        /// nil where nothing is calibrated.
        private let calibration: CalibrationMethod?
        let areFormatsKnown: Bool

        /// header: the file's, or that of one with other formats where they are not known.
        init(
            name: String, _ preset: QuantizePreset?, _ header: ModelHeader, fileBytes: Int,
            calibration: CalibrationMethod?, areFormatsKnown: Bool = true
        ) {
            self.name = name
            self.preset = preset
            self.header = header
            self.fileBytes = fileBytes
            self.calibration = calibration
            self.areFormatsKnown = areFormatsKnown
        }

        var fileBitsPerWeight: Double { 8 * Double(fileBytes) / Double(max(header.parameterCount, 1)) }

        /// Of a sequence with keys and values in f16.
        var cacheBytes: Int {
            let shape = header.shape
            let held = shape.layers.map { min(positions, $0.window ?? positions) }.reduce(0, +)
            return held * 2 * shape.keyValueHeadCount * shape.headWidth * 2
        }

        /// Of calibration at its peak; nil where there is none, and for a method that takes little.
        var calibrationBytes: Int? {
            calibration == .feedback ? Calibration.feedbackBytes(header.shape) : nil
        }

        var positions: Int { min(QuantizePlan.positions, header.shape.contextLength) }

        /// Matrices by format.
        var formats: String {
            if !areFormatsKnown { return "q4, q8 as measured" }
            return WeightFormat.allCases.filter { $0 != .vector }.compactMap { format in
                let found = header.tensors.filter { $0.format == format.rawValue }
                return found.isEmpty ? nil : "\(format.rawValue) \(found.count)"
            }.joined(separator: ", ")
        }

        var json: JSONText {
            .object([
                ("preset", .string(name)), ("bytes", .integer(fileBytes)),
                ("file_bits_per_weight", .number(fileBitsPerWeight)),
                ("bits_per_weight", areFormatsKnown ? .number(header.bitsPerWeight) : .null),
                ("calibration_bytes", calibrationBytes.map { .integer($0) } ?? .null),
                ("cache_bytes", .integer(cacheBytes)), ("cache_tokens", .integer(positions)),
                (
                    "formats",
                    areFormatsKnown ? .object(header.tensors.map { ($0.name, .string($0.format)) }) : .null
                ),
            ])
        }
    }

    private let rows: [Row]

    init(_ rows: [Row]) { self.rows = rows }

    var table: String {
        let head = line(["preset", "file", "bits/weight", "memory", "matrices"])
        let lines = rows.map { row in
            line([
                row.name, binarySize(row.fileBytes), decimals(row.fileBitsPerWeight, 3),
                binarySize(row.fileBytes + row.cacheBytes), row.formats,
            ])
        }
        let positions = rows.first?.positions ?? 0
        return ([head] + lines + notes).joined(separator: "\n")
            + "\nmemory: the file and keys and values (f16) of \(positions) tokens; no model file was made\n"
    }

    /// What the presets give.
    private var notes: [String] {
        rows.compactMap { row in
            guard let preset = row.preset else { return nil }
            let divergence = preset.measuredDivergence.map { "; divergence of SmolLM2-135M \($0) nats" } ?? ""
            let memory = row.calibrationBytes.map { "; calibration takes \(binarySize($0))" } ?? ""
            return "\(preset.rawValue): \(preset.summary)\(memory)\(divergence)"
        }
    }

    private func line(_ cells: [String]) -> String {
        zip(cells, [10, 12, 13, 12, 0]).map { padded($0, $1) }.joined(separator: " ").trimmingSpaces()
    }

    var json: JSONText { .object([("plans", .array(rows.map(\.json)))]) }
}
