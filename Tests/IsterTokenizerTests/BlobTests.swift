import IsterTokenizer
import Testing

struct BlobTests {
    @Test(arguments: Golden.names)
    func `a vocabulary survives its encoding`(name: String) throws {
        let vocabulary = try Golden.vocabulary(name)
        #expect(try Vocabulary(encodedBytes: vocabulary.encodedBytes()) == vocabulary)
    }

    @Test(arguments: ["stories-unknown.model", "metaspace.json"])
    func `every truncation is refused`(name: String) throws {
        let blob = try Golden.vocabulary(name).encodedBytes()
        for length in 0..<blob.count {
            #expect(throws: TokenizerError.self) { try Vocabulary(encodedBytes: Array(blob[..<length])) }
        }
        #expect(throws: TokenizerError.trailingBytes(count: 1)) { try Vocabulary(encodedBytes: blob + [0]) }
    }

    @Test(arguments: Golden.names)
    func `a damaged blob is refused or gives a tokenizer that works`(name: String) throws {
        let blob = try Golden.vocabulary(name).encodedBytes()
        let text = Array("<s> Once upon\u{2581}a 中\u{1F600} time 123 <tool>word".utf8)
        var random = SplitMix(state: 11)
        var refused = 0
        for _ in 0..<120 {
            var damaged = blob
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let tokenizer = try Tokenizer(Vocabulary(encodedBytes: damaged))
                let ids = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
                #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
                _ = tokenizer.decode(ids, skipSpecial: false)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 10)
    }

    @Test func `counts beyond the file are refused before they are allocated`() throws {
        let huge: [UInt8] = Array("ISTV".utf8) + [1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        #expect(throws: TokenizerError.truncated(field: "piece lengths", offset: 12)) {
            try Vocabulary(encodedBytes: huge)
        }
        #expect(throws: TokenizerError.notAVocabulary) { try Vocabulary(encodedBytes: []) }
        #expect(throws: TokenizerError.unknownVersion(found: 2, supported: 1)) {
            try Vocabulary(encodedBytes: Array("ISTV".utf8) + [2, 0, 0, 0])
        }
    }

    @Test func `a piece with a score has at most 1024 bytes`() throws {
        let sound = try Golden.vocabulary("stories.model")
        func vocabulary(_ length: Int) -> Vocabulary {
            var changed = sound
            var pieces = (0..<sound.pieces.count).map { Array(sound.pieces[$0]) }
            pieces[300] = Array(repeating: UInt8(ascii: "x"), count: length)
            changed.pieces = PieceList(pieces)
            return changed
        }
        #expect(throws: Never.self) { try vocabulary(1024).validate() }
        #expect(throws: TokenizerError.scoredPieceLength(id: 300, bytes: 1025, limit: 1024)) {
            try vocabulary(1025).validate()
        }
    }

    @Test func `tokens that text is searched for have 8 MiB together at most`() throws {
        let piece = Array(repeating: UInt8(ascii: "x"), count: 1024)
        let error = TokenizerError.searchedBytes(found: 8193 << 10, limit: 8 << 20)
        let merges = Vocabulary.MergeModel(merges: [], preTokenizer: .none, isByteLevel: false)
        var vocabulary = Vocabulary(pieces: PieceList([piece]), model: .merges(merges), decoder: .byteLevel)
        vocabulary.addedTokens = Array(repeating: Vocabulary.AddedToken(id: 0, isSpecial: true), count: 8192)
        #expect(throws: Never.self) { try vocabulary.validate() }
        vocabulary.addedTokens += [Vocabulary.AddedToken(id: 0, isSpecial: true)]
        #expect(throws: error) { try vocabulary.validate() }
        // A piece that a SentencePiece model looks for counts, too; one that is an added token as well counts once.
        vocabulary = try Golden.vocabulary("stories.model")
        guard case .sentencePiece(var model) = vocabulary.model else { return #expect(Bool(false)) }
        let id = Int32(vocabulary.pieces.count)
        vocabulary.pieces.append(piece)
        model.scores.append(0)
        model.types.append(.userDefined)
        vocabulary.model = .sentencePiece(model)
        vocabulary.pieces.append(Array(repeating: UInt8(ascii: "y"), count: 1024))
        for (searched, own) in [(id + 1, 8191), (id, 8192)] {
            let token = Vocabulary.AddedToken(id: searched, isSpecial: false)
            vocabulary.addedTokens = Array(repeating: token, count: own)
            #expect(throws: Never.self) { try vocabulary.validate() }
            vocabulary.addedTokens.append(token)
            #expect(throws: error) { try vocabulary.validate() }
        }
    }

    @Test func `a piece that a merge gives has at most 1024 bytes, which are compared only then`() throws {
        func vocabulary(_ length: Int, merges: Int) -> Vocabulary {
            let half = Array(repeating: UInt8(ascii: "x"), count: length / 2)
            let merge = Vocabulary.Merge(left: 0, right: 0, result: 1)
            let model = Vocabulary.MergeModel(
                merges: Array(repeating: merge, count: merges), preTokenizer: .none, isByteLevel: false)
            return Vocabulary(pieces: PieceList([half, half + half]), model: .merges(model), decoder: .byteLevel)
        }
        #expect(throws: Never.self) { try vocabulary(1024, merges: 3).validate() }
        // 40 gigabytes, if they were compared.
        #expect(throws: TokenizerError.mergedPieceLength(id: 1, bytes: 4 << 20, limit: 1024)) {
            try vocabulary(4 << 20, merges: 10_000).validate()
        }
    }

    @Test func `ids before and after a text are 64 at most`() throws {
        var vocabulary = try Golden.vocabulary("byte-level.json")
        vocabulary.prefixIDs = Array(repeating: 1, count: 40)
        vocabulary.suffixIDs = Array(repeating: 2, count: 24)
        #expect(throws: Never.self) { try Vocabulary(encodedBytes: vocabulary.encodedBytes()) }
        vocabulary.suffixIDs.append(2)
        #expect(throws: TokenizerError.surroundingIDCount(found: 65, limit: 64)) {
            try Vocabulary(encodedBytes: vocabulary.encodedBytes())
        }
    }

    @Test func `normalizers put 64 bytes before a text at most`() throws {
        let sound = try Golden.vocabulary("prepend.json")
        guard case .merges(let model) = sound.model else { return #expect(Bool(false), "prepend.json has merges") }
        func error(_ normalizers: [Vocabulary.Normalizer], piece: Int = 1) -> TokenizerError? {
            var (changed, merges) = (sound, model)
            merges.normalizers = normalizers
            changed.model = .merges(merges)
            changed.pieces.append(Array(repeating: 0x61, count: piece))
            changed.addedTokens.append(
                Vocabulary.AddedToken(id: Int32(sound.pieces.count), isSpecial: false, isNormalized: true))
            do { try changed.validate() } catch { return error }
            return nil
        }
        func prepend(_ count: Int) -> Vocabulary.Normalizer { .prepend(Array(repeating: 0x61, count: count)) }
        let double = Vocabulary.Normalizer.replace(pattern: [0x61], with: [0x61, 0x61])
        #expect(error([prepend(32), prepend(32)]) == nil)
        #expect(error([prepend(32), prepend(33)]) == .prependedBytes(found: 65, limit: 64))
        #expect(error([prepend(32), double]) == nil && error([double, prepend(64)]) == nil)
        #expect(error([prepend(33), double]) == .prependedBytes(found: 66, limit: 64))
        // A token's spelling is searched as the normalizers leave it.
        let id = sound.pieces.count
        #expect(error([double], piece: 512) == nil)
        #expect(error([double], piece: 513) == .searchedPieceLength(id: id, bytes: 1026, limit: 1024))
    }

    @Test func `normalizers are few and lengthen a text by 16 at most`() throws {
        let sound = try Golden.vocabulary("prepend.json")
        guard case .merges(let model) = sound.model else { return #expect(Bool(false), "prepend.json has merges") }
        func error(_ normalizers: [Vocabulary.Normalizer]) -> TokenizerError? {
            var (changed, merges) = (sound, model)
            merges.normalizers = normalizers
            changed.model = .merges(merges)
            do { _ = try Vocabulary(encodedBytes: changed.encodedBytes()) } catch { return error }
            return nil
        }
        let double = Vocabulary.Normalizer.replace(pattern: [0x61], with: [0x61, 0x61])
        let same = Vocabulary.Normalizer.replace(pattern: [0x61, 0x62], with: [0x62])
        #expect(error(Array(repeating: double, count: 4) + Array(repeating: same, count: 4)) == nil)
        #expect(error(Array(repeating: double, count: 5)) == .normalizerGrowth(found: 32, limit: 16))
        // Three bytes for two count as twice.
        let uneven = Vocabulary.Normalizer.replace(pattern: [0x61, 0x62], with: [0x61, 0x61, 0x62])
        #expect(error(Array(repeating: uneven, count: 5)) == .normalizerGrowth(found: 32, limit: 16))
        #expect(error(Array(repeating: same, count: 9)) == .normalizerCount(found: 9, limit: 8))
        let long = Vocabulary.Normalizer.prepend(Array(repeating: 0x61, count: 1025))
        #expect(error([long]) == .normalizerTextLength(bytes: 1025, limit: 1024))
    }

    @Test func `ids and spellings that contradict each other are refused`() throws {
        let sound = try Golden.vocabulary("byte-level.json")
        var broken = sound
        broken.eosID = Int32(sound.pieces.count)
        #expect(throws: TokenizerError.idOutOfRange(field: "eos id", id: 384, count: 384)) { try Tokenizer(broken) }
        broken = sound
        broken.prefixIDs = [-7]
        #expect(throws: TokenizerError.idOutOfRange(field: "prefix id", id: -7, count: 384)) { try Tokenizer(broken) }
        guard case .merges(var model) = sound.model else { return #expect(Bool(false), "byte-level.json has merges") }
        model.merges[5].result += 1
        broken = sound
        broken.model = .merges(model)
        #expect(throws: TokenizerError.mergeResultDiffers(rank: 5)) { try Tokenizer(broken) }
        guard case .sentencePiece(var scored) = try Golden.vocabulary("stories.model").model else { return }
        scored.scores[300] = .nan
        broken = try Golden.vocabulary("stories.model")
        broken.model = .sentencePiece(scored)
        #expect(throws: TokenizerError.scoreNotANumber(id: 300)) { try Tokenizer(broken) }
        scored.scores[300] = 0
        scored.types[10] = .normal
        broken.model = .sentencePiece(scored)
        #expect(throws: TokenizerError.bytePieceMissing(byte: 7)) { try Tokenizer(broken) }
    }
}
