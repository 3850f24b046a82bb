import IsterDecoder
import IsterModelFile
import IsterTokenizer

extension ModelFile {
    /// Opens a file whose weights will be read soon: its pages are mapped at once and by all threads, which takes a
    /// fraction of the time of one page fault after the other. They are guarded: a file that shrinks later ends no
    /// process, and decoders of it throw `fileChanged`.
    static func openPopulated(_ path: String, threads: Int?) throws(Failure) -> ModelFile {
        let file = try openGuarded(path)
        try file.populateForReading(threads: threads)
        return file
    }

    /// The same without reading the weights yet.
    static func openGuarded(_ path: String) throws(Failure) -> ModelFile {
        let file = try reporting(path) { try ModelFile.open(path: path) }
        try reporting(path) { try file.guardMapping() }
        return file
    }

    /// Maps all pages at once.
    func populateForReading(threads: Int?) throws(Failure) {
        populate(threads: ThreadBudget.ofThisMachine(requested: threads).count)
        // Before a decoder asks, the tokenizer is read.
        if isDamaged { throw Failure(DecoderError.fileChanged, file: path) }
    }

    /// The tokenizer inside the file.
    func tokenizer() throws(TokenizerError) -> Tokenizer {
        try Tokenizer(Vocabulary(encodedBytes: tokenizerBytes))
    }

    /// The ids that end a text: the generation defaults', else the tokenizer's.
    func endTokens(_ tokenizer: Tokenizer) -> Set<Int32> {
        let ids = Set(header.generationDefaults.eosTokenIDs.compactMap { Int32(exactly: $0) })
        if ids.isEmpty, let end = tokenizer.vocabulary.eosID { return [end] }
        return ids
    }
}
