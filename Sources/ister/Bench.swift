import ArgumentParser
import IsterDecoder
import IsterModelFile

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures tokens per second.",
        discussion: """
            Prompt processing (pp) and generation (tg) are measured apart, with random tokens, without tokenizing and \
            sampling: one warm-up, then the mean and the standard deviation of the repetitions. Lists such as \
            -t 1,2 run every combination.
            """)

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case md
        case json
        case csv
    }

    @Argument(help: "A .ister file.") var model: String
    @Option(name: .customShort("p"), help: "Prompt tokens; 0 leaves the prompt test out.")
    var promptCounts = CountList([512])
    @Option(name: .customShort("n"), help: "Generated tokens; 0 leaves the generation test out.")
    var generationCounts = CountList([128])
    @Option(name: .customShort("d"), help: "Tokens already in the context.") var depths = CountList([0])
    @Option(name: .customShort("b"), help: "Sequences that run together.") var sequenceCounts = CountList([1])
    @Option(name: [.customShort("t"), .customLong("threads")], help: "Threads; by default as doctor tells.")
    var threadCounts: CountList?
    @Option(name: .customShort("r"), help: "Repetitions.") var repetitions = 5
    @Option(name: .customShort("o"), help: "Form of the output.") var output = Output.md
    @Option(help: "Tokens of one forward call.") var chunk = 512

    func validate() throws {
        guard (1...1000).contains(repetitions) else {
            throw ValidationError("-r is \(repetitions); it must be 1 to 1000")
        }
        guard chunk >= 1 else { throw ValidationError("--chunk is \(chunk); it must be 1 or more") }
        guard sequenceCounts.values.allSatisfy({ $0 >= 1 }) else { throw ValidationError("-b must be 1 or more") }
        for threads in threadCounts?.values ?? [] where !(1...1024).contains(threads) {
            throw ValidationError("-t is \(threads); it must be 1 to 1024")
        }
    }

    func run() throws {
        let file = try ModelFile.openPopulated(model, threads: threadCounts?.values.max())
        var results: [BenchResult] = []
        let threads: [Int?] = threadCounts?.values ?? [nil]
        for count in threads {
            let budget = ThreadBudget.ofThisMachine(requested: count)
            let bandwidth = try reporting(model) { try Machine.streamingBandwidth(threads: budget.count) }
            for test in tests {
                let run = BenchRun(file: file, test: test, threads: budget.count, chunk: chunk, bandwidth: bandwidth)
                let result = try reporting(model) { try run.measure(repetitions: repetitions) }
                results.append(result)
                guard StandardError.isTerminal else { continue }
                StandardError.write("\(test.name): \(result.speed) tokens/s\n")
            }
        }
        try StandardOutput.write(BenchReport(file: file, results: results).text(output))
    }

    /// llama-bench's order: for each setting the prompt tests, then the generation tests.
    private var tests: [BenchTest] {
        var list: [BenchTest] = []
        for depth in depths.values {
            for sequences in sequenceCounts.values {
                for count in promptCounts.values where count > 0 {
                    list.append(BenchTest(phase: .prompt(count), depth: depth, sequences: sequences))
                }
                for count in generationCounts.values where count > 0 {
                    list.append(BenchTest(phase: .generation(count), depth: depth, sequences: sequences))
                }
            }
        }
        return list
    }
}
