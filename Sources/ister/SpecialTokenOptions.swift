import ArgumentParser
import IsterTokenizer

/// What tokenizing a text does with special tokens.
struct SpecialTokenOptions: ParsableArguments {
    @Flag(name: .customLong("no-special"), help: "Adds no special tokens such as the beginning of a text.")
    var addsNone = false
    @Flag(name: .customLong("parse-special"), help: "Reads special tokens in the text as such.")
    var parses = false

    /// text: UTF-8.
    func encode(_ text: [UInt8], _ tokenizer: Tokenizer) -> [Int32] {
        tokenizer.encode(text, addSpecial: !addsNone, parseSpecial: parses)
    }
}
