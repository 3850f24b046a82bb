import Foundation
import IsterCheckpoint
import IsterTokenizer
import Testing

/// Tokenizers and ids that Tools/golden-tokenizers.py wrote.
enum Golden {
    static let names = [
        "stories.model", "stories-user.model", "stories-unknown.model", "byte-level.json", "digits.json", "llama3.json",
        "qwen2.json", "prefix-space.json", "prepend.json", "metaspace.json",
    ]

    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = try #require(Bundle.module.resourceURL)
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent("Golden/" + name)))
    }

    static func json(_ name: String) throws -> JSONValue { try JSONValue.parse(bytes(name)) }

    static func vocabulary(_ name: String) throws -> Vocabulary {
        if name.hasSuffix(".json") { return try TokenizerFiles.vocabulary(tokenizerJSON: json(name)) }
        return try TokenizerFiles.vocabulary(sentencePieceModel: bytes(name))
    }

    static func tokenizer(_ name: String) throws -> Tokenizer { try Tokenizer(vocabulary(name)) }

    static func strings() throws -> [[UInt8]] {
        try array(json("strings.json")).map { try text($0) }
    }

    /// Ids without special tokens, one list a string.
    static func plain(_ name: String) throws -> [[Int32]] { try array(answers(name)["plain"]).map { try ids($0) } }

    static func special(_ name: String) throws -> [Int32] { try ids(answers(name)["special"]) }

    /// Ids with special tokens parsed, for the strings where that makes a difference.
    static func parsed(_ name: String) throws -> [(index: Int, ids: [Int32])] {
        try object(answers(name)["parsed"]).entries.map { (try index($0.key), try ids($0.value)) }
    }

    /// What `plain` decodes to, one text a string; nil where the reference has a surface of its own for unknowns.
    static func decoded(_ name: String) throws -> [[UInt8]?] {
        var texts: [[UInt8]?] = try strings()
        for entry in try object(answers(name)["decoded"]).entries {
            texts[try index(entry.key)] = entry.value == .null ? nil : try text(entry.value)
        }
        return texts
    }

    /// How the reference package's pre-tokenizer cuts each string.
    static func words(_ rule: String) throws -> [[[UInt8]]] {
        try array(object(json("words.json"))[rule]).map { try array($0).map { try text($0) } }
    }

    private static func answers(_ name: String) throws -> JSONObject { try object(json(name + ".golden.json")) }

    private static func index(_ key: [UInt8]) throws -> Int { try #require(Int(String(decoding: key, as: UTF8.self))) }

    private static func array(_ value: JSONValue?) throws -> [JSONValue] {
        guard case .array(let values)? = value else { throw GoldenError.unexpected }
        return values
    }

    private static func object(_ value: JSONValue?) throws -> JSONObject {
        guard case .object(let object)? = value else { throw GoldenError.unexpected }
        return object
    }

    private static func text(_ value: JSONValue?) throws -> [UInt8] {
        guard case .string(let text)? = value else { throw GoldenError.unexpected }
        return text
    }

    private static func ids(_ value: JSONValue?) throws -> [Int32] {
        try array(value).map {
            guard case .integer(let id) = $0 else { throw GoldenError.unexpected }
            return Int32(id)
        }
    }

    private enum GoldenError: Error { case unexpected }
}

/// Seeded numbers: a test that fails fails again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
