import IsterModelFile
import IsterTokenizer

/// Turns a conversation into tokens, by the model's chat template.
struct ChatPrompt {
    let tokenizer: Tokenizer
    let endTokens: Set<Int32>
    private let template: ChatTemplate

    /// Most bytes of a rendered conversation.
    private static let outputByteLimit = 8 << 20

    init(_ file: ModelFile, path: String, templateFile: String?) throws(Failure) {
        let tokenizer = try reporting(path) { try file.tokenizer() }
        self.tokenizer = tokenizer
        endTokens = file.endTokens(tokenizer)
        let source: String
        if let templateFile {
            source = String(decoding: try InputFile.read(templateFile), as: UTF8.self)
        } else if let own = file.header.chatTemplate {
            source = own
        } else {
            throw Failure(
                .badData, "\(path): the model has no chat template; give one with --chat-template, or use generate")
        }
        do {
            template = try ChatTemplate(source)
        } catch {
            throw Failure(.badData, "\(templateFile ?? path): \(error)")
        }
    }

    func tokens(_ messages: [(role: String, content: String)]) throws(ChatTemplateError) -> [Int32] {
        func spelling(_ id: Int32?) -> String? { id.map { String(decoding: tokenizer.piece($0), as: UTF8.self) } }
        let input = ChatTemplateInput(
            messages: messages.map {
                .object([(key: "role", value: .trusted($0.role)), (key: "content", value: .string($0.content))])
            },
            addGenerationPrompt: true, bosToken: spelling(tokenizer.bosID), eosToken: spelling(tokenizer.eosID),
            specialTokens: tokenizer.templateTokens, clock: .now, stopwatch: TemplateClock.stopwatch(),
            outputByteLimit: Self.outputByteLimit)
        return tokenizer.encode(try template.render(input), addSpecial: false)
    }
}
