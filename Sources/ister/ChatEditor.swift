import Glibc
import Synchronization

/// Edits a line on the terminal: raw mode, one row that scrolls sideways, history. Everything goes to stderr.
final class ChatEditor {
    private var line = ChatLine()
    private var parser = ChatKeyParser()
    private var pending: ArraySlice<UInt8> = []

    func line(prompt: String) throws(Failure) -> ChatEntry {
        guard let mode = TerminalMode.editing() else {
            throw Failure(.inputOutput, "stdin: the terminal refuses to be read key by key")
        }
        // Bracketed paste: a pasted text comes as one, not as lines that were entered.
        StandardError.write("\u{1B}[?2004h")
        defer {
            StandardError.write("\u{1B}[?2004l\n")
            mode.restore()
        }
        draw(prompt)
        while true {
            guard let key = try nextKey() else { return .ended }
            switch line.handle(key) {
            case .editing: break
            case .clearScreen: StandardError.write("\u{1B}[H\u{1B}[2J")
            case .entered(let text):
                show(prompt, String(text.map { $0 == "\n" ? "↵" : $0 }))
                return .text(text)
            case .interrupted:
                show(prompt, "")
                return .interrupted
            case .ended: return .ended
            }
            if pending.isEmpty { draw(prompt) }
        }
    }

    private func nextKey() throws(Failure) -> ChatKey? {
        while true {
            while let byte = pending.popFirst() {
                if let key = parser.take(byte) { return key }
            }
            pending = try StandardInput.readSome()[...]
            if pending.isEmpty { return nil }
        }
    }

    private func draw(_ prompt: String) {
        let window = line.window(width: max(TerminalMode.columns - prompt.count, 8))
        let column = prompt.count + window.column
        StandardError.write("\r\(prompt)\(window.text)\u{1B}[K\r\u{1B}[\(column)C")
    }

    /// The whole line, over as many rows as it needs.
    private func show(_ prompt: String, _ text: String) {
        StandardError.write("\r\(prompt)\(text)\u{1B}[K")
    }
}

/// A mode of the terminal and the one before it.
struct TerminalMode {
    private let before: termios
    /// The mode before the one in force; nil: the terminal is as it was found.
    private static let outer = Mutex<termios?>(nil)

    /// Keys come one by one, unseen, Ctrl-C among them. nil: no terminal.
    static func editing() -> TerminalMode? {
        TerminalMode { mode in
            mode.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
            mode.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR)
        }
    }

    /// While an answer comes: what is typed waits unseen for the next prompt; Ctrl-C is a signal.
    static func answering() -> TerminalMode? {
        TerminalMode { mode in mode.c_lflag &= ~tcflag_t(ECHO | ICANON) }
    }

    private init?(_ change: (inout termios) -> Void) {
        var mode = termios()
        guard unsafe tcgetattr(0, &mode) == 0 else { return nil }
        before = mode
        let found = mode
        change(&mode)
        Self.outer.withLock { $0 = found }
        guard unsafe tcsetattr(0, TCSADRAIN, &mode) == 0 else { return nil }
    }

    func restore() {
        var mode = before
        unsafe tcsetattr(0, TCSADRAIN, &mode)
        Self.outer.withLock { $0 = nil }
    }

    /// Before an end that comes from outside. Neither a terminal that takes no output nor being in the background may
    /// stop it.
    static func restoreAtEnd() {
        guard var mode = outer.withLock(\.self) else { return }
        signal(SIGTTOU, SIG_IGN)
        unsafe tcsetattr(0, TCSANOW, &mode)
        StandardError.write("\u{1B}[?2004l\n")
    }

    /// Of the terminal that stderr is.
    static var columns: Int {
        var size = winsize()
        guard unsafe ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
