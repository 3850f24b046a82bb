import IsterDecoder
import IsterModelFile

/// Benchmarks as text, with llama-bench's columns and key names.
struct BenchReport {
    let file: ModelFile
    let results: [BenchResult]

    func text(_ output: Bench.Output) -> [UInt8] {
        switch output {
        case .json: JSONText.array(results.map { .object(members($0)) }).line
        case .md: Array(table.utf8)
        case .csv: Array(csv.utf8)
        }
    }

    private func members(_ result: BenchResult) -> [(String, JSONText)] {
        [
            ("build_version", .string(Ister.toolVersion)),
            ("cpu_info", .string(Machine.processorName)),
            ("isa", .string(result.isa)),
            ("model_filename", .string(file.path)),
            ("model_type", .string(modelType)),
            ("model_size", .integer(modelBytes)),
            ("model_n_params", .integer(file.parameterCount)),
            ("model_huge_page_fraction", .number(result.hugePageFraction)),
            ("n_batch", .integer(result.batchRows)),
            ("n_threads", .integer(result.threads)),
            ("type_k", .string(result.cacheFormat.rawValue)),
            ("type_v", .string(result.cacheFormat.rawValue)),
            ("n_sequences", .integer(result.test.sequences)),
            ("n_prompt", .integer(result.test.promptCount)),
            ("n_gen", .integer(result.test.generationCount)),
            ("n_depth", .integer(result.test.depth)),
            ("avg_ns", .integer(nanoseconds(result.meanSeconds))),
            ("stddev_ns", .integer(nanoseconds(result.secondsDeviation))),
            ("avg_ts", .number(result.mean)),
            ("stddev_ts", .number(result.deviation)),
            ("fraction_of_bandwidth", .optional(result.fractionOfBandwidth)),
            ("fraction_of_integer_peak", .optional(result.fractionOfIntegerPeak)),
            ("memory_bandwidth_bytes_per_second", Self.mean(result.bandwidths)),
            ("integer_peak_macs_per_second", Self.mean(result.integerPeaks)),
            ("samples_ns", .array(result.seconds.map { .integer(nanoseconds($0)) })),
            ("samples_ts", .array(result.speeds.map(JSONText.number))),
            ("samples_threads", .array(result.samples.map { .integer($0.threads) })),
            ("samples_bandwidth_bytes_per_second", .array(result.bandwidths.map(JSONText.number))),
        ]
    }

    /// null without values.
    private static func mean(_ values: [Double]) -> JSONText {
        values.isEmpty ? .null : .number(BenchResult.mean(values))
    }

    private var modelType: String {
        "\(file.header.provenance.sourceArchitecture) \(file.header.provenance.recipe)"
    }

    private var modelBytes: Int { file.header.tensors.reduce(0) { $0 + $1.length } }

    /// 0 for what is no number of nanoseconds.
    private func nanoseconds(_ seconds: Double) -> Int {
        Int(exactly: (seconds * 1e9).rounded()) ?? 0
    }

    private var table: String {
        let titles = [
            "model", "size", "params", "isa", "kv", "threads", "seqs", "test", "t/s", "bandwidth", "int8 peak",
        ]
        let rows = results.map { result in
            [
                modelType, binarySize(modelBytes), parameters, result.isa, result.cacheFormat.rawValue,
                "\(result.threads)", "\(result.test.sequences)", result.test.name, result.speed,
                percent(result.fractionOfBandwidth), percent(result.fractionOfIntegerPeak),
            ]
        }
        let widths = titles.indices.map { column in
            max(titles[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        // Text to the left, numbers to the right.
        let isText = titles.map { ["model", "isa", "kv"].contains($0) }
        let rule = zip(widths, isText).map { String(repeating: "-", count: $0 + 1) + ($1 ? "-" : ":") }
        var lines = [
            "| " + titles.enumerated().map { cell($1, widths[$0], isText[$0]) }.joined(separator: " | ") + " |"
        ]
        lines.append("|" + rule.joined(separator: "|") + "|")
        for row in rows {
            lines.append(
                "| " + row.enumerated().map { cell($1, widths[$0], isText[$0]) }.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n\nbuild: ister \(Ister.toolVersion)\n"
    }

    private func percent(_ fraction: Double?) -> String { fraction.map { decimals($0 * 100, 1) + "%" } ?? "" }

    private func cell(_ text: String, _ width: Int, _ isText: Bool) -> String {
        isText ? padded(text, width) : paddedLeft(text, width)
    }

    private var parameters: String {
        let count = Double(file.parameterCount)
        return count >= 1e9 ? decimals(count / 1e9, 2) + " B" : decimals(count / 1e6, 2) + " M"
    }

    private var csv: String {
        let rows = results.map { members($0).filter { !$0.0.hasPrefix("samples") } }
        let titles = rows.first?.map(\.0).joined(separator: ",") ?? ""
        let lines = rows.map { row in row.map { Self.field($0.1) }.joined(separator: ",") }
        return ([titles] + lines).joined(separator: "\n") + "\n"
    }

    /// Strings in quotes with quotes doubled; null is empty.
    static func field(_ value: JSONText) -> String {
        switch value {
        case .string(let text):
            "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        case .null: ""
        default: String(decoding: value.line.dropLast(), as: UTF8.self)
        }
    }
}
