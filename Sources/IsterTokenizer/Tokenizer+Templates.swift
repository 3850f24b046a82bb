extension Tokenizer {
    /// Names and spellings of the special tokens that chat templates may ask for beside `bos_token` and `eos_token`, as
    /// far as there are any. transformers gives its templates all that the tokenizer has.
    public var templateTokens: [(name: String, token: String)] {
        let tokens: [(name: String, id: Int32?)] = [
            ("pad_token", vocabulary.paddingID), ("unk_token", vocabulary.unknownID),
        ]
        return tokens.compactMap { name, id in
            id.map { (name: name, token: String(decoding: piece($0), as: UTF8.self)) }
        }
    }
}
