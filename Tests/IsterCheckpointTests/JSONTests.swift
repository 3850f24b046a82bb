import IsterCheckpoint
import Testing

private func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

private func string(_ text: String) -> JSONValue { .string(Array(text.utf8)) }

@Suite struct `JSON is read strictly` {
    @Test func `values of every kind keep their type and order`() throws {
        let value = try parse(#" {"b":[1,-2.5,1e2,true,null],"a":{"x":"y"},"c":""} "#)
        guard case .object(let object) = value else { return #expect(Bool(false)) }
        #expect(object.entries.map(\.key) == ["b", "a", "c"].map { Array($0.utf8) })
        #expect(object["b"] == .array([.integer(1), .number(-2.5), .number(100), .bool(true), .null]))
        #expect(try object.object("a")?.text("x") == "y")
        #expect(object["c"] == string(""))
        #expect(object["d"] == nil)
    }

    @Test func `integers beyond 64 bits become numbers`() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
    }

    @Test func `escapes give UTF-8 bytes`() throws {
        #expect(try parse(#""a\n\t\"\\\/\u0120\ud83d\ude00\u0000z""#) == string("a\n\t\"\\/Ġ😀\0z"))
        // Canonically equivalent keys are two keys: "é" as one and as two scalars.
        guard case .object(let object) = try parse("{\"\u{E9}\":1,\"e\u{301}\":2}") else { return #expect(Bool(false)) }
        #expect(object.entries.count == 2)
    }

    @Test(arguments: [
        "", " ", "{", "[1,", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1,]", "{\"a\":1,}", "01", "1.", ".5", "-", "+1",
        "1e", "0x1", "NaN", "Infinity", "1e999", "-1e999", "tru", "nul", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "1 1", "[] ]", "\u{FEFF}1", "'a'",
    ])
    func `malformed text is refused`(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0x80, 0x22], [0x22, 0xF0, 0x80, 0x80, 0x80, 0x22],
            [0x22, 0xE2],
        ] as [[UInt8]])
    func `invalid UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue.parse(bytes) }
    }

    @Test func `a duplicate key is refused in small and large objects`() {
        #expect(throws: JSONError.duplicateKey(offset: 7, key: "a")) { try parse(#"{"a":1,"a":2}"#) }
        let members = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(throws: JSONError.duplicateKey(offset: members.utf8.count + 2, key: "k7")) {
            try parse("{\(members),\"k7\":1}")
        }
    }

    @Test func `nesting is limited to 64 levels`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try parse(nested(64))
        #expect(throws: JSONError.tooDeep(offset: 64, limit: 64)) { try parse(nested(65)) }
        #expect(throws: JSONError.tooDeep(offset: 64, limit: 64)) {
            try parse(String(repeating: "[", count: 1_000_000))
        }
    }

    @Test func `values are counted, and a document may have 8 Mi of them`() throws {
        let document = Array("[1,{\"a\":[]},2]".utf8)
        _ = try JSONValue.parse(document, valueLimit: 5)
        #expect(throws: JSONError.syntax(offset: 12, problem: "more than 4 values")) {
            try JSONValue.parse(document, valueLimit: 4)
        }
        #expect(JSONValue.valueLimit == 8 << 20)
    }

    @Test func `every truncation of a document is refused`() {
        let bytes = Array(#"{"a":[1.5e-3,"é\u00e9",{"b":false}],"c":null}"#.utf8)
        for count in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSONValue.parse(Array(bytes[..<count])) }
        }
    }

    @Test func `a getter names the key, the wanted and the found kind`() throws {
        guard case .object(let object) = try parse(#"{"n":"1","d":2.0,"z":null}"#) else { return #expect(Bool(false)) }
        #expect(throws: JSONError.wrongType(key: "n", wanted: "integer", found: "string")) { try object.integer("n") }
        #expect(throws: JSONError.missing(key: "z")) { try object.required("z", object.bool) }
        #expect(try object.integer("d") == 2)
        #expect(try object.integer("z") == nil)
    }

    @Test func `a large object is found by key in linear time`() throws {
        let count = 60_000
        let text = "{" + (0..<count).map { "\"piece\($0)\":\($0)" }.joined(separator: ",") + "}"
        guard case .object(let object) = try parse(text) else { return #expect(Bool(false)) }
        for index in stride(from: 0, to: count, by: 997) { #expect(object["piece\(index)"] == .integer(index)) }
    }
}
