import Glibc
import IsterGenerator

/// One thing that a person entered.
enum ChatEntry: Equatable {
    /// A whole message or command; may have several lines.
    case text(String)
    /// Ctrl-C at the prompt.
    case interrupted
    case ended
}

/// Joins lines to messages: a backslash at a line's end continues it, and """ opens a block that """ closes.
struct ChatAssembler {
    private var lines: [String] = []
    private(set) var isBlock = false

    var isEmpty: Bool { lines.isEmpty && !isBlock }

    /// The message that this line completes.
    mutating func add(_ line: String) -> String? {
        if isBlock {
            guard line.hasSuffix("\"\"\"") else {
                lines.append(line)
                return nil
            }
            let last = String(line.dropLast(3))
            if !last.isEmpty { lines.append(last) }
            return finish()
        }
        if lines.isEmpty, line.hasPrefix("\"\"\"") {
            let first = String(line.dropFirst(3))
            if first.hasSuffix("\"\"\"") {
                lines = [String(first.dropLast(3))]
                return finish()
            }
            isBlock = true
            if !first.isEmpty { lines.append(first) }
            return nil
        }
        guard line.hasSuffix("\\") else {
            lines.append(line)
            return finish()
        }
        lines.append(String(line.dropLast()))
        return nil
    }

    mutating func finish() -> String {
        defer { self = ChatAssembler() }
        return lines.joined(separator: "\n")
    }
}

/// Reads entries from stdin on a thread of its own, since reading waits.
actor ChatInput {
    private let thread: ComputeThread
    private let editor: ChatEditor?
    private var rest: [UInt8] = []
    private var isAtEnd = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

    /// isTerminal: lines are edited in place, with prompts on stderr.
    init(isTerminal: Bool) throws(ComputeThreadError) {
        thread = try ComputeThread()
        editor = isTerminal ? ChatEditor() : nil
    }

    func next() throws(Failure) -> ChatEntry {
        var assembler = ChatAssembler()
        while true {
            switch try line(prompt: assembler.isEmpty ? "> " : "… ") {
            case .text(let line):
                if let message = assembler.add(line) { return .text(message) }
            case .interrupted: return .interrupted
            case .ended: return assembler.isEmpty ? .ended : .text(assembler.finish())
            }
        }
    }

    private func line(prompt: String) throws(Failure) -> ChatEntry {
        if let editor { return try editor.line(prompt: prompt) }
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                var line = rest[..<end]
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                let text = String(decoding: line, as: UTF8.self)
                rest.removeFirst(end + 1)
                return .text(text)
            }
            let bytes = isAtEnd ? [] : try StandardInput.readSome()
            if bytes.isEmpty {
                isAtEnd = true
                guard !rest.isEmpty else { return .ended }
                rest.append(UInt8(ascii: "\n"))
            }
            rest += bytes
        }
    }
}
