import HTTPTypes
import Testing

@testable import IsterGenerator
@testable import IsterServer

/// Schemas as grammars, against the verdicts of the PyPI package jsonschema (Tools/golden-schemas.py).
@Suite struct SchemaTests {
    static func golden() throws -> [JSONValue] {
        let data = try GoldenFile.bytes("schemas.json")
        guard case .array(let cases) = try JSONReader.read(data) else { throw GoldenFile.Missing() }
        return cases
    }

    static func grammar(_ schema: JSONValue) throws -> Grammar {
        var grammar = JSONGrammar()
        var fuel = SchemaCompiler.fuelLimit
        let rule = try SchemaCompiler.rule(schema, in: &grammar, fuel: &fuel, path: "schema")
        return grammar.document(rule)
    }

    private static func holds(_ grammar: Grammar, _ text: String) -> Bool {
        var automaton = GrammarAutomaton(grammar)
        let state = text.utf8.reduce(automaton.start()) { automaton.next($0, $1) }
        return automaton.isComplete(state)
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        guard case .array(let list)? = value else { return [] }
        return list.compactMap(\.text)
    }

    @Test func `valid documents are held, documents that jsonschema refuses are not`() throws {
        var counts = (valid: 0, invalid: 0)
        for entry in try Self.golden() {
            let grammar = try Self.grammar(entry["schema"] ?? .null)
            for text in Self.texts(entry["valid"]) {
                counts.valid += 1
                #expect(Self.holds(grammar, text), "\(entry["schema"] ?? .null): \(text)")
            }
            for text in Self.texts(entry["invalid"]) {
                counts.invalid += 1
                #expect(!Self.holds(grammar, text), "\(entry["schema"] ?? .null): \(text)")
            }
        }
        #expect(counts.valid > 200 && counts.invalid > 500)
    }

    @Test func `whatever a grammar writes is JSON for a strict reader and ends`() throws {
        var random = SplitMix(seed: 3)
        for entry in try Self.golden() {
            let grammar = try Self.grammar(entry["schema"] ?? .null)
            for _ in 0..<2 {
                let text = try #require(RandomWalk.document(grammar, &random), "\(entry["schema"] ?? .null)")
                // A key beside the known ones may come twice, which the reader refuses.
                let isJSON: Bool
                do { isJSON = try JSONReader.read(text) != .string("\u{0}") } catch {
                    isJSON = error.problem == "a key appears twice in one object"
                }
                #expect(isJSON, "\(String(decoding: text, as: UTF8.self))")
            }
        }
    }

    static let refused: [(schema: JSONValue, pointer: String, word: String)] = [
        (["type": "string", "pattern": "a+"], "#", "'pattern'"),
        (["type": "object", "properties": ["a": ["not": [:]]]], "#/properties/a", "'not'"),
        (["type": "array", "items": ["type": "array", "uniqueItems": true]], "#/items", "'uniqueItems'"),
        (["type": "object", "minProperties": 1], "#", "'minProperties'"),
        (["type": "object", "patternProperties": [:]], "#", "'patternProperties'"),
        (["type": "number", "multipleOf": 2], "#", "'multipleOf'"),
        (["if": true], "#", "'if'"), (["colour": "red"], "#", "'colour'"),
        (["type": "string", "format": "hostname"], "#/format", "'date-time'"),
        (["type": "integer", "format": "int32"], "#", "'format'"),
        (["type": "number", "minimum": .number(0.5)], "#/minimum", "whole"),
        (["anyOf": [["type": "string"]], "type": "string"], "#", "'type'"),
        (["$ref": "#/$defs/a", "properties": [:], "$defs": ["a": true]], "#", "'properties'"),
        (["$ref": "https://example.com/a"], "#/$ref", "within the schema"),
        (["allOf": [true, true]], "#", "'allOf'"),
        (["oneOf": [["type": "number"], ["type": "integer"]]], "#/oneOf", "'anyOf'"),
        (["oneOf": [["type": "object"], ["type": "object"]]], "#/oneOf", "0 and 1"),
        (["type": "object", "properties": ["a~/b": ["type": "date"]]], "#/properties/a~0~1b", "'type'"),
        (["type": "string", "enum": [1]], "#/enum", "'type'"), (["enum": []], "#", "'enum'"),
        (["const": .number(-1e19)], "#/const", "2^53"), (["enum": [1, ["a": [.number(1e300)]]]], "#/enum", "2^53"),
    ]

    @Test(arguments: refused) func `a keyword that cannot be held is refused by name and place`(
        refused: (schema: JSONValue, pointer: String, word: String)
    ) throws {
        let error = #expect(throws: APIError.self) { try Self.grammar(refused.schema) }
        #expect(error?.status == .badRequest)
        #expect(error?.message.contains("at '\(refused.pointer)'") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(refused.word) == true, "\(error?.message ?? "")")
    }

    @Test func `a schema that is no schema is refused`() {
        let wrong: [JSONValue] = [
            "text", 1, nil, [], ["type": "text"], ["type": []], ["properties": []], ["required": "a"],
            ["minLength": -1],
            ["$ref": "#/$defs/none"], ["$ref": 1], ["anyOf": []], ["items": 3], ["prefixItems": [:]],
        ]
        for schema in wrong { #expect(throws: APIError.self, "\(schema)") { try Self.grammar(schema) } }
    }

    static let impossible: [JSONValue] = [
        false, ["type": "object", "required": ["a"], "additionalProperties": false],
        ["type": "array", "minItems": 1, "items": false],
        ["type": "string", "minLength": 3, "maxLength": 2], ["type": "integer", "minimum": 3, "maximum": 2],
        ["$ref": "#"], ["type": "array", "items": ["$ref": "#"], "minItems": 1],
        ["$defs": ["a": ["anyOf": [["$ref": "#/$defs/b"]]], "b": ["$ref": "#/$defs/a"]], "$ref": "#/$defs/a"],
    ]

    @Test(arguments: impossible) func `a schema that no document fits is found`(schema: JSONValue) throws {
        #expect(try !Self.grammar(schema).isPossible)
    }

    @Test(arguments: ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"])
    func `bounds that no 64-bit float has are exact`(keyword: String) throws {
        let bound = (1 << 53) + 1
        let schema = JSONObject(members: [
            .init(key: "type", value: "integer"), .init(key: keyword, value: .integer(bound)),
        ])
        let grammar = try Self.grammar(.object(schema))
        let inwards = keyword.lowercased().hasSuffix("minimum") ? 1 : -1
        #expect(Self.holds(grammar, "\(bound)") == !keyword.hasPrefix("exclusive"))
        #expect(Self.holds(grammar, "\(bound + inwards)"))
        #expect(!Self.holds(grammar, "\(bound - inwards)"))
    }

    @Test func `a constant is written as it was sent or refused`() throws {
        func compiled(_ constant: String) throws -> Grammar {
            try Self.grammar(try JSONReader.read(Array("{\"const\":\(constant)}".utf8)))
        }
        for text in ["9007199254740993", "-9223372036854775808", "9223372036854775807", "0.5"] {
            let grammar = try compiled(text)
            #expect(Self.holds(grammar, text))
        }
        for text in ["12345678901234567890", "-9223372036854775809", "9007199254740993.0"] {
            #expect(throws: APIError.self, "\(text)") { try compiled(text) }
        }
    }

    @Test func `properties are the same when their code points are`() throws {
        let (one, other) = ("\u{E9}", "e\u{301}")
        let properties = JSONObject(members: [one, other].map { .init(key: $0, value: ["type": "integer"]) })
        let grammar = try Self.grammar([
            "type": "object", "properties": .object(properties), "required": [.string(one), .string(other)],
        ])
        #expect(Self.holds(grammar, "{\"\(one)\":1,\"\(other)\":2}"))
        #expect(!Self.holds(grammar, "{\"\(one)\":1}"))
        // An object can have both members, each with its constant.
        func variant(_ key: String, _ value: JSONValue) -> JSONValue {
            [
                "type": "object", "required": [.string(key)],
                "properties": .object(JSONObject(members: [.init(key: key, value: ["const": value])])),
            ]
        }
        #expect(throws: APIError.self) { try Self.grammar(["oneOf": [variant(one, 1), variant(other, 2)]]) }
        #expect(throws: Never.self) { try Self.grammar(["oneOf": [variant(one, 1), variant(one, 2)]]) }
        let values: [(String, JSONValue)] = [(one, nil), (other, true)]
        let definitions = JSONObject(members: values.map { .init(key: $0, value: ["const": $1]) })
        let references = try Self.grammar([
            "$defs": .object(definitions), "type": "object", "required": ["a", "b"],
            "properties": ["a": ["$ref": .string("#/$defs/" + one)], "b": ["$ref": .string("#/$defs/" + other)]],
        ])
        #expect(Self.holds(references, "{\"a\":null,\"b\":true}"))
    }

    @Test func `a schema that is too large is refused in time`() {
        let value: JSONValue = ["enum": .array((0..<1000).map { .string("a long value number \($0)") })]
        let many = JSONObject(members: (0..<100).map { JSONObject.Member(key: "property \($0)", value: value) })
        #expect(throws: APIError.self) { try Self.grammar(["type": "object", "properties": .object(many)]) }
        let long: JSONValue = ["enum": .array((0..<1001).map { .integer($0) })]
        #expect(throws: APIError.self) { try Self.grammar(long) }
    }
}
