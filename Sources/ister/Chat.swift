import ArgumentParser
import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterTokenizer

struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talks with a model in the terminal.",
        discussion: """
            Answers go to stdout, prompts and figures to stderr, so that a script can send questions to stdin, one a \
            line. /help lists the commands. Ctrl-C stops an answer, Ctrl-D ends the chat.
            """)

    @Argument(help: "A .ister file.") var model: String
    @Option(help: "What the model is told before the conversation.") var system: String?
    @Option(
        name: [.customShort("n"), .customLong("tokens")], help: "Most new tokens of an answer; by default no limit.")
    var tokenCount: Int?
    @OptionGroup var samplingOptions: SamplingOptions
    @Option(help: "A file with a chat template in place of the model's own.") var chatTemplate: String?
    @Option(help: "Positions that the conversation can hold; by default the model's, at most 8192.") var context: Int?
    @Option(help: "Prompt tokens of one forward call.") var chunk: Int = 512
    @OptionGroup var cacheOption: CacheOption
    @OptionGroup var threadOption: ThreadOption

    /// The cache is allocated at the start: more than this is asked for by --context.
    private static let defaultContextLimit = 8192

    func validate() throws {
        guard chunk >= 1 else { throw ValidationError("--chunk is \(chunk); it must be 1 or more") }
        if let tokenCount, tokenCount < 1 {
            throw ValidationError("--tokens is \(tokenCount); it must be 1 or more")
        }
        if let context, context < 1 { throw ValidationError("--context is \(context); it must be 1 or more") }
    }

    func run() async throws {
        let file = try ModelFile.openPopulated(model, threads: threadOption.threads)
        let prompt = try ChatPrompt(file, path: model, templateFile: chatTemplate)
        let length = context ?? min(file.header.shape.contextLength, Self.defaultContextLimit)
        let engine = try await engine(file, contextLength: length)
        var conversation = ChatConversation()
        conversation.systemPrompt = system
        var session = ChatSession(
            model: model, prompt: prompt, engine: engine, defaults: file.header.generationDefaults,
            settings: ChatSettings(samplingOptions, tokenCount: tokenCount), conversation: conversation,
            contextLength: length)
        try await session.run()
    }

    private func engine(_ file: ModelFile, contextLength: Int) async throws(Failure) -> Generator<Decoder> {
        let thread = try reporting(model) { try ComputeThread() }
        var options = DecoderOptions()
        options.threads = threadOption.threads
        options.cacheFormat = cacheOption.format
        options.contextLength = contextLength
        options.batchRows = min(chunk, contextLength)
        // In blocks, so that a turn's keys and values are there when the next one begins.
        options.cacheBlockCount = contextLength / Decoder.blockPositions + 1
        options.weightCopies = .forNodesAndPages
        let decoder: Decoder
        do {
            decoder = try await thread.run { [options] () throws(DecoderError) in try Decoder(file, options: options) }
        } catch {
            throw Failure(error, file: model)
        }
        return Generator(thread: thread, source: decoder)
    }
}
