import IsterDecoder
import IsterEvaluation
import IsterGenerator
import IsterModelFile
import IsterTokenizer

/// The loop of a chat: entries in, answers out.
struct ChatSession {
    let model: String
    let prompt: ChatPrompt
    let engine: Generator<Decoder>
    let defaults: ModelHeader.GenerationDefaults
    var settings: ChatSettings
    var conversation: ChatConversation
    let contextLength: Int

    mutating func run() async throws {
        let isTerminal = StandardInput.isTerminal && StandardError.isTerminal
        let input = try reporting(model) { () throws(ComputeThreadError) in try ChatInput(isTerminal: isTerminal) }
        if isTerminal { StandardError.write("\(model); /help lists the commands, Ctrl-D ends\n") }
        let interrupts = ChatInterrupts()
        var wasInterrupted = false
        while true {
            let entry = try await input.next()
            switch entry {
            case .ended: return
            case .interrupted:
                if wasInterrupted { return }
                StandardError.write("once more, or Ctrl-D, ends the chat\n")
            case .text(let text):
                guard try await !handle(text, interrupts, isTerminal) else { return }
            }
            wasInterrupted = entry == .interrupted
        }
    }

    /// Whether the chat ends with this entry.
    private mutating func handle(
        _ text: String, _ interrupts: ChatInterrupts, _ isTerminal: Bool
    ) async throws(Failure) -> Bool {
        do throws(ChatCommandError) {
            if let command = try ChatCommand(text) {
                guard command != .exit else { return true }
                try carryOut(command)
                return false
            }
        } catch {
            // A script should not go on as if the command had worked.
            guard isTerminal else { throw Failure(.usage, error.message) }
            StandardError.write(error.message + "\n")
            return false
        }
        let question = text.trimmingWhitespace()
        guard !question.isEmpty else { return false }
        do {
            try await answer(question, interrupts, isTerminal)
        } catch {
            guard isTerminal, error.code == .usage || error.code == .badData else { throw error }
            StandardError.write(error.message + "\n")
        }
        return false
    }

    private mutating func carryOut(_ command: ChatCommand) throws(ChatCommandError) {
        switch command {
        case .help: StandardError.write(ChatCommand.helpText)
        case .system(nil): StandardError.write((conversation.systemPrompt ?? "no system prompt") + "\n")
        case .system(let text?): conversation.systemPrompt = text.isEmpty ? nil : text
        case .reset: conversation.reset()
        case .undo: try conversation.undo()
        case .save(let path): try save(path)
        case .showSettings: StandardError.write(settings.description)
        case .set(let name, let value): try settings.set(name, value)
        case .stats: StandardError.write(conversation.statistics(contextLength: contextLength))
        case .exit: break
        }
    }

    private func save(_ path: String) throws(ChatCommandError) {
        guard !FileStatus.exists(path) else { throw ChatCommandError(message: "\(path): exists; choose another name") }
        do {
            try ReportFile.write(String(decoding: conversation.json, as: UTF8.self), to: path)
        } catch {
            throw ChatCommandError(message: "\(error)")
        }
        StandardError.write("\(path): \(conversation.messages().count) messages\n")
    }

    private mutating func answer(
        _ question: String, _ interrupts: ChatInterrupts, _ isTerminal: Bool
    ) async throws(Failure) {
        let tokens = try reporting(model) { try prompt.tokens(conversation.messages(asking: question)) }
        let room = contextLength - tokens.count
        guard room > 0 else {
            throw Failure(
                .usage,
                "the conversation has \(tokens.count) tokens and the context holds \(contextLength): /undo, /reset, or "
                    + "start with a larger --context")
        }
        let request = GenerationRequest(
            prompt: tokens, maximumNewTokens: min(settings.tokenCount ?? room, room),
            sampling: settings.options.sampling(defaults, seed: UInt64.random(in: 0...UInt64(Int64.max))),
            penalties: Penalties(repetition: settings.options.repetitionPenalty(defaults)),
            endTokens: prompt.endTokens)
        let mode = isTerminal ? TerminalMode.answering() : nil
        defer { mode?.restore() }
        let generation = engine.generate(request, text: StreamDecoder(prompt.tokenizer, prompt: tokens))
        interrupts.begin { generation.cancel() }
        defer { interrupts.end() }
        var printer = GenerationPrinter(json: false, sampling: request.sampling)
        do {
            for try await event in generation.events {
                try printer.print(event)
                if case .done(let summary) = event { conversation.add(question, summary) }
            }
        } catch {
            throw Failure(error, file: model)
        }
    }
}
