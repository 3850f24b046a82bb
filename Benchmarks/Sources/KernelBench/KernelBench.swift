import ArgumentParser
import CIsterKernels

@main
struct KernelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-bench",
        abstract: "Measures every kernel of every instruction set that this processor has, on one thread.",
        discussion: """
            A figure is that of the median slice of many. Cycles are those of the clock's rate just before, which a \
            chain of dependent instructions tells. Weights and caches of keys and values of 256 MiB come from memory, \
            weights of 512 KiB and one layer's keys and values (5 or 10 MiB) from a processor's cache; for \
            one token the rate of bytes says how close a kernel is to the memory (compare stream), for many tokens \
            MAC/cycle says how close it is to the multipliers (compare integer_peak).
            """)

    @Option(help: "Instruction sets, e.g. avx512vnni,avx2; all by default.") var isa: String?
    @Option(help: "Kernels: \(Self.kernelNames.joined(separator: ",")); all by default.") var kernels: String?
    @Option(help: "Weight formats of matmul.") var formats = Self.formatNames.joined(separator: ",")
    @Option(help: "Tokens of matmul.") var tokens = "1,4,8,16,64,512"
    @Option(help: "Columns of matmul's weights, a multiple of 32.") var columns = 2560
    @Option(help: "KiB of weights, keys and values: larger than all caches, or as small as one of them.")
    var kib = "262144,512"
    @Option(help: "Seconds of one measurement.") var seconds = 0.3
    @Flag(help: "One JSON array.") var json = false

    private static let kernelNames = ["matmul", "stream", "integer_peak", "rows", "attend", "store_position"]
    private static let formatNames = ["q4", "q8", "q4g32", "q8g32", "f32"]

    private var sets: [Table] {
        guard let isa else { return Table.available }
        let names = isa.split(separator: ",").map(String.init)
        return Table.available.filter { names.contains($0.name) }
    }
    private var tokenCounts: [Int] { tokens.split(separator: ",").compactMap { Int($0) } }
    private var sizes: [Int] {
        kib.split(separator: ",").compactMap { Int($0) }.filter { $0 <= 1 << 24 }.map { $0 << 10 }
    }
    private var effort: Effort { Effort(seconds: seconds) }

    func validate() throws {
        try Self.check("--isa", isa, Table.available.map(\.name))
        try Self.check("--kernels", kernels, Self.kernelNames)
        try Self.check("--formats", formats, Self.formatNames)
        guard columns >= 32, columns % 32 == 0, columns <= 1 << 16 else {
            throw ValidationError("--columns is \(columns); it must be a multiple of 32, 32 to 65536")
        }
        guard tokenCounts.count == tokens.split(separator: ",").count, !tokenCounts.isEmpty,
            tokenCounts.allSatisfy({ (1...4096).contains($0) })
        else {
            throw ValidationError("--tokens is \(tokens); it must be a list of 1 to 4096")
        }
        guard sizes.count == kib.split(separator: ",").count, !sizes.isEmpty,
            sizes.allSatisfy({ $0 >= 1024 && $0 <= 1 << 34 })
        else {
            throw ValidationError("--kib is \(kib); it must be a list of 1 to 16777216")
        }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds); it must be above 0, at most 3600")
        }
    }

    /// Each name of a list must be known: a misspelt one would measure nothing and end well.
    private static func check(_ option: String, _ list: String?, _ known: [String]) throws {
        guard let list else { return }
        let names = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for name in names where !known.contains(name) {
            throw ValidationError("\(option): \"\(name)\" is none of \(known.joined(separator: ", "))")
        }
    }

    func run() throws {
        let report = Report(isJSON: json)
        report.begin()
        for table in sets { measureSmall(table, report) }
        if runs("matmul") { measureMatmul(report) }
        report.end()
    }

    private func measureSmall(_ table: Table, _ report: Report) {
        let yardsticks = YardstickBench(table: table, effort: effort)
        if runs("integer_peak") { report.add(yardsticks.integerPeak) }
        if runs("stream") { for bytes in sizes { report.add(yardsticks.stream(bytes: bytes)) } }
        if runs("rows") { for result in RowBench(table: table, effort: effort).all { report.add(result) } }
        for (format, name) in [(ISTER_CACHE_F16, "f16"), (ISTER_CACHE_Q8, "q8"), (ISTER_CACHE_F32, "f32")] {
            if runs("store_position") { report.add(AttentionBench(table, format, name: name, bytes: 0, effort).store) }
            for bytes in runs("attend") ? sizes : [] {
                let attention = AttentionBench(table, format, name: name, bytes: bytes, effort)
                report.add(attention.decode)
                report.add(attention.decodeBySegments)
                report.add(attention.prefill)
            }
        }
    }

    private func measureMatmul(_ report: Report) {
        for name in formats.split(separator: ",") {
            guard let format = Self.format(name) else { continue }
            for bytes in sizes {
                let weights = Weights(format, columns: columns, bytes: bytes)
                for table in sets {
                    for count in tokenCounts {
                        let bench = MatmulBench(
                            weights: weights, formatName: String(name), columns: columns, tokens: count)
                        report.add(bench.measure(table, effort))
                    }
                }
            }
        }
    }

    private func runs(_ kernel: String) -> Bool {
        kernels.map { $0.split(separator: ",").contains(Substring(kernel)) } ?? true
    }

    private static func format(_ name: Substring) -> ister_format? {
        switch name {
        case "q4": ISTER_FORMAT_Q4
        case "q8": ISTER_FORMAT_Q8
        case "q8g32": ISTER_FORMAT_Q8G32
        case "q4g32": ISTER_FORMAT_Q4G32
        case "f32": ISTER_FORMAT_F32
        default: nil
        }
    }
}
