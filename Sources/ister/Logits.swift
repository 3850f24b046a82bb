import ArgumentParser
import IsterDecoder
import IsterModelFile
import IsterTokenizer

struct Logits: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a model's logits for a prompt.")

    enum Positions: String, ExpressibleByArgument, CaseIterable {
        case all
        case last
    }

    @Argument(help: "A .ister file.") var model: String
    @Argument(help: "Text to tokenize; or give --ids.") var text: String?
    @Option(help: "Token ids: 1,2,3.") var ids: TokenIDs?
    @Option(help: "Positions to print.") var positions = Positions.last
    @Option(help: "Tokens of one forward call.") var chunk: Int = 512
    @Flag(help: "One JSON document with all logits.") var json = false
    @OptionGroup var specialTokens: SpecialTokenOptions
    @OptionGroup var cacheOption: CacheOption
    @OptionGroup var threadOption: ThreadOption

    func validate() throws {
        guard (text == nil) != (ids == nil) else { throw ValidationError("Give either a text or --ids.") }
        guard chunk >= 1 else { throw ValidationError("--chunk is \(chunk); it must be 1 or more") }
    }

    func run() throws {
        let file = try ModelFile.openPopulated(model, threads: threadOption.threads)
        let tokenizer = try reporting(model) { try file.tokenizer() }
        let prompt = ids?.ids ?? specialTokens.encode(Array((text ?? "").utf8), tokenizer)
        guard !prompt.isEmpty else { throw Failure(.usage, "\(model): the prompt has no tokens") }
        try require(prompt, in: file)
        var options = DecoderOptions()
        options.threads = threadOption.threads
        options.cacheFormat = cacheOption.format
        options.contextLength = max(prompt.count, 1)
        options.batchRows = min(chunk, prompt.count)
        let decoder = try reporting(model) { try Decoder(file, options: options) }
        var printer = LogitPrinter(vocabularySize: decoder.shape.vocabularySize, json: json) { id in
            String(decoding: tokenizer.piece(id), as: UTF8.self)
        }
        var start = 0
        while start < prompt.count {
            let end = min(start + decoder.batchRows, prompt.count)
            let tokens = Array(prompt[start..<end])
            let selection: LogitSelection = positions == .all ? .all : end == prompt.count ? .last : .none
            try reporting(model) {
                try decoder.forward([TokenSlice(sequence: 0, tokens: tokens, logits: selection)])
            }
            // Not before: what the model refuses prints nothing.
            if start == 0 { try printer.begin() }
            for row in 0..<decoder.logitRowCount {
                let index = positions == .all ? start + row : prompt.count - 1
                try printer.print(index: index, logits: decoder.copyLogits(row: row))
            }
            start = end
        }
        try printer.end()
    }

    /// The forward call refuses other ids as well, but those of a later chunk only when a part has been printed.
    private func require(_ prompt: [Int32], in file: ModelFile) throws(Failure) {
        let size = file.header.shape.vocabularySize
        guard let bad = prompt.first(where: { $0 < 0 || Int($0) >= size }) else { return }
        throw Failure(DecoderError.tokenOutOfRange(found: bad, vocabularySize: size), file: model)
    }
}
