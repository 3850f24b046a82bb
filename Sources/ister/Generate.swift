import ArgumentParser
import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterTokenizer

struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Continues a text.")

    @Argument(help: "A .ister file.") var model: String
    @Option(name: .shortAndLong, help: "The text; - reads it from stdin.") var prompt: String?
    @Option(help: "Token ids instead of a text: 1,2,3.") var ids: TokenIDs?
    @Option(name: [.customShort("n"), .customLong("tokens")], help: "Most new tokens.") var tokenCount = 128
    @OptionGroup var samplingOptions: SamplingOptions
    @Option(help: "Ends before this text; may be repeated.") var stop: [String] = []
    @Flag(help: "Goes on after an end token.") var ignoreEos = false
    @Flag(help: "One JSON object a token on stdout, then one with the whole.") var json = false
    @OptionGroup var specialTokens: SpecialTokenOptions
    @Option(help: "Positions that the context can hold; by default what the text needs, at most the model's.")
    var context: Int?
    @Option(help: "Prompt tokens of one forward call.") var chunk: Int = 512
    @OptionGroup var cacheOption: CacheOption
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        guard (prompt == nil) != (ids == nil) else { throw ValidationError("Give either --prompt or --ids.") }
        guard chunk >= 1 else { throw ValidationError("--chunk is \(chunk); it must be 1 or more") }
    }

    func run() async throws {
        let file = try ModelFile.openPopulated(model, threads: threadOption.threads)
        let tokenizer = try reporting(model) { try file.tokenizer() }
        let request = try request(file, tokenizer)
        let thread = try reporting(model) { try ComputeThread() }
        let options = decoderOptions(file, promptLength: request.prompt.count)
        let decoder: Decoder
        do {
            decoder = try await thread.run { () throws(DecoderError) in try Decoder(file, options: options) }
        } catch {
            throw Failure(error, file: model)
        }
        let generator = Generator(thread: thread, source: decoder)
        let generation = generator.generate(request, text: StreamDecoder(tokenizer, prompt: request.prompt))
        let interrupt = Interrupt { generation.cancel() }
        try await follow(generation, sampling: request.sampling)
        if interrupt.isInterrupted { throw ExitCode(Failure.Code.interrupted.rawValue) }
    }

    private func request(_ file: ModelFile, _ tokenizer: Tokenizer) throws(Failure) -> GenerationRequest {
        let defaults = file.header.generationDefaults
        let tokens: [Int32]
        if let ids {
            tokens = ids.ids
        } else {
            let text = try prompt == "-" ? StandardInput.read() : Array((prompt ?? "").utf8)
            tokens = specialTokens.encode(text, tokenizer)
        }
        return GenerationRequest(
            prompt: tokens, maximumNewTokens: tokenCount,
            sampling: samplingOptions.sampling(defaults, seed: UInt64.random(in: 0...UInt64(Int64.max))),
            penalties: Penalties(repetition: samplingOptions.repetitionPenalty(defaults)), stopStrings: stop,
            endTokens: ignoreEos ? [] : file.endTokens(tokenizer))
    }

    /// Memory for this text and no more: pages of a longer context would be cleared for nothing.
    private func decoderOptions(_ file: ModelFile, promptLength: Int) -> DecoderOptions {
        let (needed, overflow) = promptLength.addingReportingOverflow(max(tokenCount, 0))
        let most = file.header.shape.contextLength
        var options = DecoderOptions()
        options.threads = threadOption.threads
        options.cacheFormat = cacheOption.format
        options.contextLength = context ?? (overflow ? most : min(max(needed, 1), most))
        options.batchRows = min(chunk, max(promptLength, 1))
        return options
    }

    private func follow(_ generation: Generation, sampling: Sampling) async throws(Failure) {
        var printer = GenerationPrinter(json: json, sampling: sampling)
        do {
            for try await event in generation.events { try printer.print(event) }
        } catch {
            throw Failure(error, file: model)
        }
    }
}
