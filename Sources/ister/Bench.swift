import ArgumentParser
import IsterDecoder
import IsterModelFile

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures tokens per second.",
        discussion: """
            Prompt processing (pp) and generation (tg) are measured apart, with random tokens, without tokenizing and \
            sampling: one warm-up, then the mean and the standard deviation of the repetitions. Lists such as \
            -t 1,2 run every combination. Generation's bytes of weights, keys and values are compared with the memory \
            bandwidth, multiply-adds of prompts and of several sequences that generate together with the rate of the \
            int8 dot product; both are measured before and after each repetition, since those of a shared machine change. \
            What the last-level caches hold is not compared with memory. A signal that ends it prints what was measured.
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
    @Option(name: .customShort("d"), help: "Tokens already in the context; 0 by default.") var depths: CountList?
    @Option(name: .customShort("b"), help: "Sequences; they generate together, prompts run one by one. 1 by default.")
    var sequenceCounts: CountList?
    @Flag(
        help: """
            Runs depths of 0, 512, 2048 and 4096 as far as the context holds them, with 1, 2, 4, 8 and 16 sequences \
            as long as their depths add up to 8192 at most; prompts with one sequence.
            """)
    var sweep = false
    @Option(name: [.customShort("t"), .customLong("threads")], help: "Threads; by default as doctor tells.")
    var threadCounts: CountList?
    @Option(name: .customShort("r"), help: "Repetitions.") var repetitions = 5
    @Option(name: .customShort("o"), help: "Form of the output.") var output = Output.md
    @Option(help: "Tokens of one forward call.") var chunk = 512
    @Flag(
        inversion: .prefixedNo,
        help: """
            Copies the weights of a file in small pages into pages of 2 MiB, as serve and chat do, or leaves them as \
            generate does. Where memory has several nodes, all commands copy them for these.
            """)
    var copies = true
    @OptionGroup var cacheOption: CacheOption

    func validate() throws {
        guard (1...1000).contains(repetitions) else {
            throw ValidationError("-r is \(repetitions); it must be 1 to 1000")
        }
        guard (1...8192).contains(chunk) else {
            throw ValidationError("--chunk is \(chunk); it must be 1 to 8192")
        }
        if sweep, depths != nil || sequenceCounts != nil {
            throw ValidationError("--sweep chooses -d and -b itself")
        }
        for count in sequenceCounts?.values ?? [] where !(1...4096).contains(count) {
            throw ValidationError("-b is \(count); it must be 1 to 4096")
        }
        for threads in threadCounts?.values ?? [] where !(1...1024).contains(threads) {
            throw ValidationError("-t is \(threads); it must be 1 to 1024")
        }
    }

    func run() throws {
        // What cannot run is refused before the weights are read.
        let file = try ModelFile.openGuarded(model)
        let tests = tests(contextLength: file.header.shape.contextLength)
        try require(tests, fitting: file)
        try file.populateForReading(threads: threadCounts?.values.max())
        let threads: [Int?] = threadCounts?.values ?? [nil]
        // What was measured before is not lost.
        let results = BenchResults(file: file, output: output)
        let signals = results.printOnSignals()
        do {
            for count in threads { try measure(tests, of: file, threads: count, results) }
        } catch {
            try results.print(isPart: true)
            throw error
        }
        try results.print()
        withExtendedLifetime(signals) {}
    }

    private func measure(
        _ tests: [BenchTest], of file: ModelFile, threads: Int?, _ results: BenchResults
    ) throws(Failure) {
        let budget = ThreadBudget.ofThisMachine(requested: threads)
        let streaming = try reporting(model) { try StreamingRead(threads: budget.count) }
        for test in tests {
            let run = BenchRun(
                file: file, test: test, threads: budget.count, chunk: chunk, cacheFormat: cacheOption.format,
                weightCopies: copies ? .forNodesAndPages : .forNodes, streaming: streaming)
            let result = try reporting(model) { try run.measure(repetitions: repetitions) }
            results.append(result)
            if let missing = result.missingThreads { StandardError.write("ister: \(test.name): \(missing)\n") }
            guard StandardError.isTerminal else { continue }
            StandardError.write("\(test.name), \(test.sequences) sequences: \(result.speed) tokens/s\n")
        }
    }

    /// Before the first test, so that one that cannot run does not take the others' results along.
    private func require(_ tests: [BenchTest], fitting file: ModelFile) throws(Failure) {
        if tests.isEmpty { throw Failure(.usage, "-p and -n are 0: there is nothing to measure") }
        let most = file.header.shape.contextLength
        for test in tests where test.length > most {
            throw Failure(.usage, "\(test.name): \(test.length) positions, the context of \(model) has \(most)")
        }
        // Caches are filled, so one that does not fit beside the weights and the yardstick would end the process.
        guard let available = Machine.availableMemory else { return }
        let format = cacheOption.format ?? .default(for: file)
        let others = file.droppableBytes + StreamingRead.bufferBytes
        for test in tests {
            let cache = test.cacheBytes(file.header.shape, format, chunk: chunk)
            let rows = test.calledRows(chunk: chunk)
            let (bytes, overflow) = cache.addingReportingOverflow(
                Decoder.rowBytes(file.header.shape, rows: rows.all, logitRows: rows.logits))
            if !overflow, bytes <= available - others { continue }
            throw Failure(
                .systemRefused,
                "\(test.name) with \(test.sequences) sequences: keys, values and activations take "
                    + "\(overflow ? cache : bytes) bytes beside the \(others) of the model and the measurement of the "
                    + "memory, \(available) are available")
        }
    }

    private func tests(contextLength: Int) -> [BenchTest] {
        let prompts = promptCounts.values
        let generations = generationCounts.values
        if sweep { return BenchGrid.sweep(prompts: prompts, generations: generations, contextLength: contextLength) }
        return BenchGrid.tests(
            prompts: prompts, generations: generations, depths: depths?.values ?? [0],
            sequences: sequenceCounts?.values ?? [1])
    }
}
