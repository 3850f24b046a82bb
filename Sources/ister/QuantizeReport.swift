import IsterModelFile
import IsterQuantizer

extension Quantize {
    func tell(_ plan: QuantizePlan) throws {
        try StandardOutput.write(json ? plan.json.line : Array(plan.table.utf8))
    }

    func tell(
        _ report: ConversionReport, _ warnings: [String], preset: QuantizePreset, seconds: Double
    ) throws {
        for warning in warnings { StandardError.write("ister: warning: \(warning.printable)\n") }
        guard json else {
            if let feedback = report.feedback {
                StandardError.write(
                    """
                    error of the products on the calibration text: \(feedback.storedError), without feedback \
                    \(feedback.plainError)

                    """)
            }
            StandardError.write(
                """
                \(report.output): \(binarySize(report.fileBytes)), \(decimals(report.bitsPerWeight, 3)) bits per \
                weight (\(decimals(report.fileBitsPerWeight, 3)) of the whole file), relative squared error \(report.relativeSquaredError), \(decimals(seconds, 1)) s

                """)
            let lines = report.header.certificate?.quality?.lines(report.header.provenance.calibration) ?? []
            for line in lines { StandardError.write(line + "\n") }
            return
        }
        try StandardOutput.write(
            JSONText.object([
                ("output", .string(report.output)),
                ("bytes", .integer(report.fileBytes)),
                ("preset", .string(preset.rawValue)),
                ("bits_per_weight", .number(report.bitsPerWeight)),
                ("file_bits_per_weight", .number(report.fileBitsPerWeight)),
                ("relative_squared_error", .number(report.relativeSquaredError)),
                ("feedback_error", report.feedback.map { .number($0.storedError) } ?? .null),
                ("plain_error", report.feedback.map { .number($0.plainError) } ?? .null),
                ("tensors", .integer(report.header.tensors.count)),
                ("recipe", .string(report.header.provenance.recipe)),
                ("certificate", report.header.certificate?.quality?.json ?? .null),
                ("seconds", .number(seconds)),
                ("warnings", .array(warnings.map(JSONText.string))),
            ]).line)
    }
}

extension ConversionReport {
    /// Bits of the whole file by its parameters.
    var fileBitsPerWeight: Double { 8 * Double(fileBytes) / Double(max(header.parameterCount, 1)) }
}
