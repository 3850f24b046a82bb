import ArgumentParser
import IsterDecoder
import IsterEvaluation
import IsterModelFile

struct EvalPerplexity: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measures how well a model predicts a text.",
        discussion: """
            The text is cut into windows as llama-perplexity cuts it, so that the figures can be compared. Running \
            values go to stderr, the result to stdout.
            """)

    @Argument(help: "A .ister file.") var model: String
    @OptionGroup var windowOptions: WindowOptions
    @Option(help: "Writes the log-probabilities in the form of llama-perplexity's --kl-divergence-base.")
    var writeBase: String?
    @Flag(help: "One JSON document.") var json = false
    @OptionGroup var cacheOption: CacheOption
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        if windowOptions.text == nil { throw ValidationError("--text names the file to measure on.") }
    }

    func run() throws {
        let text = windowOptions.text ?? ""
        let bytes = try InputFile.readText(text)
        let evaluated = try EvaluatedModel(model, threads: threadOption.threads)
        let windows = try windowOptions.windows(of: bytes, path: text, for: evaluated)
        let decoder = try evaluated.decoder(
            contextLength: windows.contextLength, threads: threadOption.threads, cacheFormat: cacheOption.format)
        let signals = writeBase.map { EndSignals(removingTemporaryFileOf: $0) }
        defer { withExtendedLifetime(signals) {} }
        let start = ContinuousClock.now
        let progressLine = ProgressLine()
        let estimate = try evaluating(model) {
            defer { progressLine.end() }
            let base = try writeBase.map { path in
                try BaseFileWriter(
                    path: path, windows: windows, vocabularySize: decoder.shape.vocabularySize, inputs: [model, text])
            }
            return try PerplexityEvaluation(decoder, windows).run(writing: base) { count, running in
                progressLine.add("[\(count)]\(decimals(running.perplexity.value, 4)),")
            }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        guard json else {
            let result = estimate.perplexity
            let line = "Final estimate: PPL = \(decimals(result.value, 4)) +/- \(decimals(result.error, 5))\n"
            return try StandardOutput.write(line)
        }
        let members: [(String, JSONText)] =
            [("model", evaluated.json), ("text", .string(text)), ("text_sha256", .string(digest(bytes)))]
            + [("context", .integer(windows.contextLength)), ("chunks", .integer(windows.count))]
            + [("scored_tokens", .integer(estimate.count))]
            + estimate.perplexity.members("perplexity") + estimate.mean.members("mean_loss")
            + [("seconds", .number(seconds))]
        try StandardOutput.write(JSONText.object(members).line)
    }
}
