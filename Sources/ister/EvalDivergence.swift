import ArgumentParser
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterTokenizer

struct EvalDivergence: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kld",
        abstract: "Measures how far a model's probabilities are from a reference's.",
        discussion: """
            The reference is a second model file, run beside the candidate without storing logits, or a base file \
            that llama-perplexity wrote with --kl-divergence-base. Figures have llama-perplexity's names.
            """)

    @Argument(help: "The .ister file to judge.") var candidate: String
    @Option(help: "The .ister file to compare with, best of preset f32.") var reference: String?
    @Option(help: "A base file of llama-perplexity; it holds its own tokens.") var base: String?
    @OptionGroup var windowOptions: WindowOptions
    @Option(help: "Writes the reference's log-probabilities in the form of --base.") var writeBase: String?
    @Flag(help: "One JSON document.") var json = false
    @OptionGroup var cacheOption: CacheOption
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        guard (reference == nil) != (base == nil) else { throw ValidationError("Give either --reference or --base.") }
        guard (reference == nil) == (windowOptions.text == nil) else {
            throw ValidationError("--text goes with --reference: a base file holds its own tokens.")
        }
        if base != nil, windowOptions.context != nil {
            throw ValidationError("--context goes with --text: a base file has its own windows.")
        }
        if base != nil, writeBase != nil { throw ValidationError("--write-base goes with --reference.") }
    }

    func run() throws {
        let start = ContinuousClock.now
        let model = try EvaluatedModel(candidate, threads: threadOption.threads)
        let report: EvalDivergenceReport
        if let base {
            report = try compare(model, withBase: base)
        } else {
            report = try compare(model, withModel: reference ?? "", text: windowOptions.text ?? "")
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        try StandardOutput.write(json ? report.json(seconds: seconds).line : Array(report.text.utf8))
    }

    private func compare(
        _ model: EvaluatedModel, withModel path: String, text: String
    ) throws(Failure) -> EvalDivergenceReport {
        let bytes = try InputFile.readText(text)
        let other = try EvaluatedModel(path, threads: threadOption.threads)
        try evaluating(candidate) {
            try DivergenceEvaluation.requireSameTokens(candidate: model.file, reference: other.file)
        }
        let windows = try windowOptions.windows(of: bytes, path: text, for: model)
        let decoders = (
            try model.decoder(
                contextLength: windows.contextLength, threads: threadOption.threads, cacheFormat: cacheOption.format),
            try other.decoder(contextLength: windows.contextLength, threads: threadOption.threads)
        )
        let signals = writeBase.map { EndSignals(removingTemporaryFileOf: $0) }
        defer { withExtendedLifetime(signals) {} }
        let progressLine = ProgressLine()
        let statistics = try evaluating(candidate, reference: other.path) {
            defer { progressLine.end() }
            let writer = try writeBase.map { path in
                try BaseFileWriter(
                    path: path, windows: windows, vocabularySize: other.file.header.shape.vocabularySize,
                    inputs: [candidate, other.path, text])
            }
            return try DivergenceEvaluation(candidate: decoders.0, reference: decoders.1, windows: windows)
                .run(writing: writer) { count, running in progressLine.add(Self.progress(count, running)) }
        }
        return EvalDivergenceReport(
            candidate: model, statistics: statistics,
            source: [
                ("reference", other.json), ("text", .string(text)), ("text_sha256", .string(digest(bytes))),
                ("context", .integer(windows.contextLength)), ("chunks", .integer(windows.count)),
            ])
    }

    private func compare(_ model: EvaluatedModel, withBase path: String) throws(Failure) -> EvalDivergenceReport {
        let size = model.file.header.shape.vocabularySize
        let reader = try evaluating(candidate) { try BaseFileReader(path: path, candidateVocabularySize: size) }
        let decoder = try model.decoder(
            contextLength: reader.contextLength, threads: threadOption.threads, cacheFormat: cacheOption.format)
        let progressLine = ProgressLine()
        let statistics = try evaluating(candidate) {
            defer { progressLine.end() }
            let vocabulary = try Vocabulary(encodedBytes: model.file.tokenizerBytes)
            let first = vocabulary.addsBOS ? vocabulary.bosID : nil
            return try BaseFileEvaluation(candidate: decoder, base: reader, firstToken: first)
                .run(limit: windowOptions.chunks) { count, running in progressLine.add(Self.progress(count, running)) }
        }
        return EvalDivergenceReport(
            candidate: model, statistics: statistics,
            source: [
                ("base", .string(path)), ("context", .integer(reader.contextLength)),
                ("chunks", .integer(min(reader.windowCount, windowOptions.chunks ?? .max))),
            ])
    }

    private static func progress(_ count: Int, _ statistics: DivergenceStatistics) -> String {
        "[\(count)]\(decimals(statistics.candidate.perplexity.value, 4)) "
            + "\(decimals(statistics.meanDivergence.value, 6)),"
    }
}
