/// What a line that begins with a slash asks for.
enum ChatCommand: Equatable {
    case help
    /// nil: show it; empty: none from now on.
    case system(String?)
    case reset
    case undo
    case save(path: String)
    case showSettings
    case set(name: String, value: String)
    case stats
    case exit

    static let helpText = """
        /help             this text
        /system TEXT      sets the system prompt; /system "" removes it, /system alone shows it
        /reset            forgets the conversation, not the system prompt and the settings
        /undo             forgets the last question and its answer
        /set NAME VALUE   temperature, top-k, top-p, min-p, repetition-penalty, seed or tokens;
                          VALUE default goes back to the start; /set alone shows all
        /stats            tokens and speed of this conversation
        /save FILE        writes the conversation as JSON messages
        /exit             ends; Ctrl-D, too
        A \\ at the end of a line continues it; \"\"\" begins a text of several lines that \"\"\" ends.
        Ctrl-C stops an answer; twice at the prompt it ends the chat. A space before / sends it to the model.

        """

    /// nil: the text is a message, no command.
    init?(_ text: String) throws(ChatCommandError) {
        guard text.first == "/" else { return nil }
        let name = text.prefix { !$0.isWhitespace }
        let rest = String(text.dropFirst(name.count)).trimmingWhitespace()
        switch (name, rest.isEmpty) {
        case ("/help", true): self = .help
        case ("/system", _): self = .system(rest.isEmpty ? nil : rest == "\"\"" ? "" : rest)
        case ("/reset", true): self = .reset
        case ("/undo", true): self = .undo
        case ("/save", false): self = .save(path: rest)
        case ("/save", true): throw ChatCommandError(message: "/save needs the name of a file")
        case ("/set", true): self = .showSettings
        case ("/set", false):
            let name = rest.prefix { !$0.isWhitespace }
            let value = String(rest.dropFirst(name.count)).trimmingWhitespace()
            guard !value.isEmpty else { throw ChatCommandError(message: "/set \(name) needs a value, or default") }
            self = .set(name: String(name), value: value)
        case ("/stats", true): self = .stats
        case ("/exit", true), ("/quit", true): self = .exit
        case ("/help", _), ("/reset", _), ("/undo", _), ("/stats", _), ("/exit", _), ("/quit", _):
            throw ChatCommandError(message: "\(name) takes nothing after it, found \(rest)")
        default: throw ChatCommandError(message: "\(name) is no command; /help lists them")
        }
    }
}

/// Why a command was not carried out. The chat goes on.
struct ChatCommandError: Error, Equatable {
    var message: String
}

extension String {
    func trimmingWhitespace() -> String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
