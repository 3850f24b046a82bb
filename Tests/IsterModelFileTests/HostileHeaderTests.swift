import Foundation
import Testing

@testable import IsterModelFile

/// Headers that carry right checksums and wrong contents.
struct HostileHeaderTests {
    private func defect(of path: String) -> ModelFileDefect? {
        do throws(ModelFileError) {
            _ = try ModelFile.open(path: path)
            return nil
        } catch {
            if case .badData(_, let defect) = error { return defect }
            Issue.record("\(error)")
            return nil
        }
    }

    private func defect(after change: (inout ModelHeader) -> Void) throws -> ModelFileDefect? {
        let model = try TinyModel()
        var header = try model.write()
        change(&header)
        try model.resign(try HeaderCoding.encode(header))
        return defect(of: model.path)
    }

    private func defect(replacing old: String, by new: String) throws -> ModelFileDefect? {
        let model = try TinyModel()
        let text = String(decoding: try HeaderCoding.encode(try model.write()), as: UTF8.self)
        let range = try #require(text.range(of: old))
        try model.resign(Array(text.replacingCharacters(in: range, with: new).utf8))
        return defect(of: model.path)
    }

    @Test func `the same header signed again is accepted`() throws {
        #expect(try defect { _ in } == nil)
    }

    @Test func `overlapping, moved and misaligned blobs are refused`() throws {
        let header = try TinyModel().write()
        let norm = header.tensors[1]
        for offset in [header.tensors[0].offset, norm.offset + 4096, norm.offset + 64, -4096, 0, Int.max] {
            #expect(
                try defect { $0.tensors[1].offset = offset }
                    == .blobOffset(name: norm.name, found: offset, needed: norm.offset))
        }
        #expect(
            try defect { $0.tokenizer.offset = 0 }
                == .blobOffset(name: "tokenizer", found: 0, needed: header.tokenizer.offset))
    }

    @Test func `wrong lengths are refused`() throws {
        let entry = try TinyModel().write().tensors[2]
        for length in [0, -1, entry.length - 1, entry.length + 4096, Int.max, Int.min] {
            #expect(
                try defect { $0.tensors[2].length = length }
                    == .blobLength(name: entry.name, found: length, needed: entry.length))
        }
        for length in [0, -1, Int.min, Int.max] {
            #expect(try defect { $0.tokenizer.length = length } != nil)
        }
        // A tokenizer that swallows the page after it moves every tensor.
        #expect(try defect { $0.tokenizer.length += 4096 } != nil)
    }

    @Test func `missing, extra, renamed and exchanged tensors are refused`() throws {
        let count = TinyModel.shape.requiredTensors().count
        #expect(try defect { $0.tensors.removeLast() } == .tensorCount(found: count - 1, needed: count))
        #expect(
            try defect { $0.tensors.append($0.tensors[0]) } == .tensorCount(found: count + 1, needed: count))
        #expect(
            try defect { $0.tensors[0].name = "embeddings" }
                == .unexpectedTensor(index: 0, found: "embeddings", needed: "embedding"))
        #expect(
            try defect { $0.tensors.swapAt(4, 6) }
                == .unexpectedTensor(index: 4, found: "layers.0.value", needed: "layers.0.key"))
    }

    @Test func `unknown formats, versions and packings are refused`() throws {
        #expect(
            try defect { $0.tensors[0].format = "q3" }
                == .tensorFormat(name: "embedding", found: "q3", needed: "f32, q8, q4, q8g32, q4g32"))
        #expect(
            try defect { $0.tensors[1].format = "f32" }
                == .tensorFormat(name: "layers.0.attention_norm", found: "f32", needed: "vector"))
        #expect(try defect { $0.tensors[0].format = "q4" } != nil)
        #expect(
            try defect { $0.formatVersion = 2 }
                == .valueOutOfRange(field: "formatVersion", found: "2", needed: "1 to 1"))
        #expect(try defect { $0.packing.panelRows = 8 } != nil)
        #expect(try defect { $0.packing.nibbles = "interleaved" } != nil)
    }

    @Test func `keys that this version does not know are refused by name`() throws {
        #expect(
            try defect(replacing: "{\"certificate\"", by: "{\"zz\":{\"deep\":[1]},\"certificate\"")
                == .unknownHeaderKey("zz"))
        #expect(
            try defect(replacing: "\"headCount\":2", by: "\"headCount\":2,\"headCount\":2")
                == .unknownHeaderKey("headCount"))
        #expect(
            try defect(replacing: "\"headCount\":2", by: "\"headCount\":2,\"logitScale\":2")
                == .unknownHeaderKey("logitScale"))
    }

    @Test func `malformed JSON is refused`() throws {
        let deep = String(repeating: "[", count: 100_000)
        for text in ["", "{", "[]", "null", "{}", deep, "\"", "\"\\", "{\"shape\":" + deep] {
            let model = try TinyModel()
            try model.write()
            try model.resign(Array(text.utf8))
            guard case .headerMalformed = defect(of: model.path) else {
                Issue.record("accepted or misnamed: \(text.prefix(20))")
                continue
            }
        }
        #expect(try defect(replacing: "\"headCount\":2", by: "\"headCounts\":2") != nil)
        // A number that is no Double, in place of the real one.
        let wrong = try defect(replacing: "\"normEpsilon\":", by: "\"normEpsilon\":1e999")
        guard case .headerMalformed = wrong else {
            Issue.record("accepted or misnamed: \(String(describing: wrong))")
            return
        }
    }

    @Test func `digests are hex, and nothing else`() throws {
        let bad = String(repeating: "A", count: 64)
        #expect(try defect { $0.tensors[3].sha256 = bad } != nil)
        #expect(try defect { $0.tokenizer.sha256 = "" } != nil)
        #expect(try defect { $0.provenance.sourceFiles[0].sha256 = bad } != nil)
        #expect(try defect { $0.certificate?.tensorErrors["nothing"] = 0 } != nil)
        #expect(try defect { $0.certificate?.tensorErrors["norm"] = -1 } != nil)
    }

    @Test func `a quality that cannot be measured and a calibration without a text are refused`() throws {
        let bad = String(repeating: "A", count: 64)
        #expect(try defect { $0.certificate?.quality?.sha256 = bad } != nil)
        #expect(try defect { $0.certificate?.quality?.windows = 0 } != nil)
        #expect(try defect { $0.certificate?.quality?.firstWindow = 0 } != nil)
        #expect(try defect { $0.certificate?.quality?.meanDivergence = -1 } != nil)
        #expect(try defect { $0.certificate?.quality?.sameTopError = -1e-300 } != nil)
        #expect(try defect { $0.provenance.calibration?.sha256 = bad } != nil)
        #expect(try defect { $0.provenance.calibration?.sha256 = nil } != nil)
        #expect(try defect { $0.provenance.calibration?.tokens = 0 } != nil)
        #expect(try defect { $0.provenance.calibration?.ownTokens = 0 } != nil)
        #expect(try defect { $0.provenance.calibration = .init(method: "feedback", sha256: nil, tokens: 0) } != nil)
    }

    @Test func `a model's own text alone and a file without a measured quality are accepted`() throws {
        #expect(
            try defect {
                $0.provenance.calibration = .init(method: "feedback", sha256: nil, tokens: 0, ownTokens: 512)
                $0.certificate?.quality = nil
            } == nil)
    }

    @Test func `a lying preamble is refused`() throws {
        let model = try TinyModel()
        try model.write()
        let whole = try model.bytes()
        let good = try Preamble.decode(Array(whole[..<Preamble.length]))
        for length in [0, 1, good.headerLength - 1, whole.count, 16 << 20] {
            var preamble = good
            preamble.headerLength = length
            preamble.headerDigest = Digest256.of(Array(whole[128..<min(128 + length, whole.count)]))
            try model.replace(preamble.encoded() + whole[Preamble.length...])
            #expect(defect(of: model.path) != nil, "header length \(length)")
        }
        for length in [0, 127, 4096, whole.count - 1, whole.count + 1, Int.max] {
            var preamble = good
            preamble.fileLength = length
            try model.replace(preamble.encoded() + whole[Preamble.length...])
            #expect(
                defect(of: model.path) == .wrongFileLength(found: whole.count, needed: length))
        }
    }
}
