import ArgumentParser
import IsterCheckpoint
import IsterTokenizer

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turns text into token ids.",
        discussion: """
            The tokenizer comes from a .ister file, a checkpoint folder, a .gguf file, a tokenizer.model or a \
            tokenizer.json.
            """)

    @Argument(help: "Where the tokenizer is.") var model: String
    @Argument(help: "The text; without it stdin is read.") var text: String?
    @Flag(help: "One JSON document.") var json = false
    @Flag(help: "Reads one JSON string a line from stdin and writes one JSON array of ids a line.")
    var batch = false
    @OptionGroup var specialTokens: SpecialTokenOptions

    func validate() throws {
        if batch, text != nil { throw ValidationError("--batch reads its texts from stdin.") }
    }

    func run() throws {
        let tokenizer = try TokenizerSource.open(model)
        if batch { return try encodeLines(tokenizer) }
        let bytes = try text.map { Array($0.utf8) } ?? StandardInput.read()
        let ids = specialTokens.encode(bytes, tokenizer)
        let pieces = ids.map { String(decoding: tokenizer.piece($0), as: UTF8.self) }
        if json {
            let document = JSONText.object([("ids", .ids(ids)), ("pieces", .array(pieces.map(JSONText.string)))])
            try StandardOutput.write(document.line)
        } else {
            let lines = zip(ids, pieces).map { id, piece in
                paddedLeft(String(id), 8) + "  " + String(decoding: JSONText.string(piece).line, as: UTF8.self)
            }
            try StandardOutput.write(lines.joined())
        }
    }

    private func encodeLines(_ tokenizer: Tokenizer) throws {
        let input = try StandardInput.read()
        var output: [UInt8] = []
        for (index, line) in Self.lines(of: input).enumerated() {
            // Without it the answers would not be those of the lines any more.
            if line.allSatisfy({ $0 <= 32 }) {
                throw Failure(.badData, "stdin: line \(index + 1): blank; a JSON string is needed")
            }
            let value: JSONValue
            do {
                value = try JSONValue.parse(Array(line))
            } catch {
                throw Failure(.badData, "stdin: line \(index + 1): \(error)")
            }
            guard case .string(let text) = value else {
                throw Failure(.badData, "stdin: line \(index + 1): \(value.kind); a JSON string is needed")
            }
            output += JSONText.ids(specialTokens.encode(text, tokenizer)).line
        }
        try StandardOutput.write(output)
    }

    /// Blank ones as well; after the last line's end there is none.
    static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
