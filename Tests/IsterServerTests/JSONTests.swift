import Testing

@testable import IsterServer

@Suite struct ServerJSONTests {
    private func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

    @Test(arguments: [
        ("{}", "{}"), (" [ ] ", "[]"), ("[1,-0,2.5,1e3]", "[1,0,2.5,1000.0]"), ("\"\\u00e9\\n\\\"\"", "\"é\\n\\\"\""),
        ("{\"b\":1,\"a\":[null,true,false]}", "{\"b\":1,\"a\":[null,true,false]}"),
        ("\"\\ud83d\\ude00\"", "\"😀\""), ("\"\\u0001\\u007f\"", "\"\\u0001\\u007f\""),
        ("9223372036854775807", "9223372036854775807"), ("1e-7", "1e-07"),
    ])
    func `what is read is written back`(text: String, written: String) throws {
        #expect(String(decoding: try read(text).line, as: UTF8.self) == written)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "nul", "01", "1.", "-", "1e", "1e999", "+1", ".5",
        "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\n\"",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "1 2", "\u{FEFF}{}", "NaN", "Infinity", "'a'", "[1}",
    ])
    func `what is no strict JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try read(text) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0x5C, 0x6E, 0xFF, 0x22],
        ] as [[UInt8]])
    func `invalid UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONReader.read(bytes) }
    }

    @Test func `keys are the same when their code points are`() throws {
        let value = try read("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"] == 1 && value["e\u{301}"] == 2)
        #expect(throws: JSONError.self) { try read("{\"\u{E9}\":1,\"\\u00e9\":2}") }
    }

    @Test func `64 nested values are read, 65 are not`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try read(nested(64))
        #expect(throws: JSONError.self) { try read(nested(65)) }
        #expect(throws: JSONError.self) { try read(nested(100_000)) }
        #expect(throws: JSONError.self) { try read(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func `half a million values are read, no more`() throws {
        func list(_ count: Int) -> String { "[" + Array(repeating: "0", count: count).joined(separator: ",") + "]" }
        _ = try read(list(JSONReader.valueLimit - 1))
        #expect(throws: JSONError.self) { try read(list(JSONReader.valueLimit)) }
    }

    @Test func `numbers have at most 512 digits`() throws {
        _ = try read("0." + String(repeating: "1", count: 510))
        #expect(throws: JSONError.self) { try read("0." + String(repeating: "1", count: 511)) }
    }

    @Test(arguments: [Float(0.1), -1.5e-30, 3.4e38, .leastNonzeroMagnitude, -0.0])
    func `a 32-bit float comes back from its text`(value: Float) throws {
        let text = String(decoding: JSONValue.single(value).line, as: UTF8.self)
        #expect(Float(text)?.bitPattern == value.bitPattern)
        _ = try read(text)
    }

    @Test func `what JSON cannot say is null`() {
        #expect(JSONValue.single(.infinity).line == Array("null".utf8))
        #expect(JSONValue.number(.nan).line == Array("null".utf8))
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")])
    func `base64 is RFC 4648's`(text: String, encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == encoded)
    }

    @Test func `base64 of floats is little-endian`() {
        #expect(Base64.encode([Float(1), -2]) == "AACAPwAAAMA=")
    }
}
