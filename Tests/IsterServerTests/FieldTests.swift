import IsterGenerator
import Testing

@testable import IsterServer

/// Requests that must be refused, each with the field's name; and those at the bounds, which must not.
@Suite struct FieldTests {
    private static let endpoints: [(path: String, table: FieldTable, valid: [(String, String)])] = [
        (
            "/v1/chat/completions", .chat,
            [
                ("model", "\"tiny\""), ("messages", "[{\"role\":\"user\",\"content\":\"a\"}]"),
            ]
        ),
        ("/v1/completions", .completions, [("model", "\"tiny\""), ("prompt", "\"a\"")]),
        ("/v1/embeddings", .embeddings, [("model", "\"tiny\""), ("input", "\"a\"")]),
        ("/tokenize", .tokenize, [("content", "\"a\"")]),
        ("/detokenize", .detokenize, [("tokens", "[1]")]),
        ("/apply-template", .applyTemplate, [("messages", "[{\"role\":\"user\",\"content\":\"a\"}]")]),
    ]

    private static func body(_ valid: [(String, String)], _ name: String, _ value: String?) -> String {
        var members = valid.filter { $0.0 != name }
        if let value { members.append((name, value)) }
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static let strange = [
        "true", "false", "0", "-1", "1", "2", "1e308", "-1e308", "9223372036854775807", "-9223372036854775808",
        "1.5", "\"\"", "\"x\"", "[]", "[null]", "[[]]", "[1e300]", "{}", "{\"x\":null}", "[{}]", "[-1]", "[\"a\",1]",
        "[[1],\"a\"]", "[99999999999]", "null",
    ]

    @Test(arguments: 0..<6) func `no value of any field is a server error`(endpoint: Int) async throws {
        let (path, table, valid) = Self.endpoints[endpoint]
        let server = try TestServer(FakeGenerator())
        for name in table.names {
            for value in Self.strange {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect([200, 400, 404].contains(answer.status), "\(name): \(value): \(answer.text)")
                if answer.status != 200 { #expect(answer.error("message")?.text?.isEmpty == false) }
            }
        }
    }

    @Test(arguments: 0..<6) func `an unknown field is refused by name, or ignored when told`(endpoint: Int) async throws
    {
        let (path, _, valid) = Self.endpoints[endpoint]
        let body = Self.body(valid, "foo_bar", "1")
        let answer = try await TestServer(FakeGenerator()).post(path, body)
        #expect(answer.status == 400)
        #expect(answer.error("param") == "foo_bar")
        #expect(answer.error("message") == "Unrecognized request argument supplied: foo_bar")
        #expect(answer.error("code") == JSONValue.null)
        var options = APIOptions()
        options.isLenient = true
        #expect(try await TestServer(FakeGenerator(), options: options).post(path, body).status == 200)
    }

    @Test(arguments: 0..<6) func `a required field that is missing or null is named`(endpoint: Int) async throws {
        let (path, _, valid) = Self.endpoints[endpoint]
        let server = try TestServer(FakeGenerator())
        for (name, _) in valid {
            for value in [nil, "null"] {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.status == 400)
                #expect(answer.error("param") == .string(name))
                #expect(answer.error("code") == "missing_required_parameter")
            }
        }
    }

    /// Field, values that are taken, values that are not, and the code of the refusal.
    static let bounds: [(String, [String], [String], String)] = [
        ("temperature", ["0", "2", "0.5"], ["2.0000001", "3"], "decimal_above_max_value"),
        ("temperature", [], ["-0.0001"], "decimal_below_min_value"),
        ("temperature", [], ["\"1\"", "true", "[]"], "invalid_type"),
        ("top_p", ["0", "1"], ["1.01"], "decimal_above_max_value"),
        ("min_p", ["0", "1"], ["-0.1"], "decimal_below_min_value"),
        ("top_k", ["-1", "0", "2147483647"], ["2147483648"], "integer_above_max_value"),
        ("top_k", [], ["-2"], "integer_below_min_value"),
        ("top_k", [], ["1.0", "\"1\""], "invalid_type"),
        ("frequency_penalty", ["-2", "2"], ["2.1"], "decimal_above_max_value"),
        ("presence_penalty", ["-2", "2"], ["-2.1"], "decimal_below_min_value"),
        ("repetition_penalty", ["0.001", "1000"], ["0"], "decimal_below_min_value"),
        ("n", ["1", "4"], ["5", "1000000"], "integer_above_max_value"),
        ("n", [], ["0", "-1"], "integer_below_min_value"),
        ("seed", ["-9223372036854775808", "9223372036854775807"], ["9223372036854775808", "0.5"], "invalid_type"),
        ("priority", ["-1000000", "1000000"], ["1000001"], "integer_above_max_value"),
        (
            "stop", ["\"a\"", "[]", "[\"a\",\"b\",\"c\",\"d\"]"], ["[\"a\",\"b\",\"c\",\"d\",\"e\"]"],
            "array_above_max_length"
        ),
        ("stop", ["\"" + text(256) + "\""], ["\"" + text(257) + "\""], "string_above_max_length"),
        ("stop", [], ["1", "{}"], "invalid_type"),
        ("logit_bias", [biases(250), "{\"0\":100,\"262\":-100}"], [biases(301)], "object_above_max_length"),
        ("logit_bias", [], ["{\"263\":0}", "{\"-1\":0}", "{\"a\":0}", "{\"4294967297\":0}"], "invalid_value"),
        ("logit_bias", [], ["{\"1\":100.5}"], "decimal_above_max_value"),
        ("stop_token_ids", ["[0,262]"], ["[263]", "[-1]"], "invalid_value"),
        ("store", ["false", "null"], ["true"], "unsupported_parameter"),
        ("service_tier", ["\"auto\""], ["\"flex\""], "unsupported_parameter"),
        ("stream_options", [], ["{}"], "invalid_value"),
        (
            "response_format", ["{\"type\":\"text\"}", "{\"type\":\"json_object\"}"], ["{\"type\":\"regex\"}"],
            "unsupported_parameter"
        ),
        ("user", ["\"u\""], ["1"], "unsupported_parameter"),
        ("metadata", ["{\"a\":\"b\"}"], ["[]"], "unsupported_parameter"),
        ("cache_salt", ["\"" + text(256) + "\""], ["\"" + text(257) + "\""], "string_above_max_length"),
        ("grammar", ["null"], ["\"root ::= x\""], "unsupported_parameter"),
    ]

    private static func text(_ count: Int) -> String { String(repeating: "x", count: count) }

    private static func biases(_ count: Int) -> String {
        "{" + (0..<count).map { "\"\($0)\":1" }.joined(separator: ",") + "}"
    }

    @Test(arguments: 0..<2) func `each setting is taken at its bounds and refused beyond`(endpoint: Int) async throws {
        let (path, _, valid) = Self.endpoints[endpoint]
        let server = try TestServer(FakeGenerator())
        for (name, taken, refused, code) in Self.bounds {
            for value in taken {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.status == 200, "\(name): \(value): \(answer.text)")
            }
            for value in refused {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.status == 400)
                #expect(answer.error("code") == .string(code), "\(name): \(value): \(answer.text)")
                #expect(answer.error("param")?.text?.hasPrefix(name) == true)
            }
        }
    }

    static let chatBounds: [(String, [String], [String], String)] = [
        ("max_tokens", ["1"], ["0"], "integer_below_min_value"),
        ("top_logprobs", ["0"], ["21"], "integer_above_max_value"),
        ("top_logprobs", [], ["1"], "invalid_value"),
        ("logprobs", ["true", "false"], ["1"], "invalid_type"),
        ("tools", ["[]", "null"], ["[{}]"], "missing_required_parameter"),
        ("tools", [], ["{}"], "invalid_type"),
        ("tool_choice", ["\"none\"", "\"auto\""], ["\"required\""], "invalid_value"),
        ("tool_choice", [], ["{}"], "missing_required_parameter"), ("tool_choice", [], ["1"], "invalid_type"),
        ("parallel_tool_calls", ["true", "false"], ["1"], "invalid_type"),
        ("chat_template_kwargs", ["{\"enable_thinking\":false}"], ["{\"enable_thinking\":1}"], "invalid_type"),
        ("chat_template", [], ["\"{{ 1 }}\""], "unsupported_parameter"),
        ("reasoning_effort", [], ["\"low\""], "unsupported_parameter"),
    ]

    @Test func `chat's own fields have bounds, too`() async throws {
        let (path, _, valid) = Self.endpoints[0]
        let server = try TestServer(FakeGenerator())
        for (name, taken, refused, code) in Self.chatBounds {
            for value in taken { #expect(try await server.post(path, Self.body(valid, name, value)).status == 200) }
            for value in refused {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.error("code") == .string(code), "\(name): \(value): \(answer.text)")
                #expect(answer.error("param")?.text?.hasPrefix(name) == true)
            }
        }
    }

    static let completionBounds: [(String, [String], [String], String)] = [
        ("max_tokens", ["0", "63"], ["-1"], "integer_below_min_value"),
        ("max_tokens", [], ["64"], "invalid_value"),
        ("logprobs", ["0", "20"], ["21"], "integer_above_max_value"),
        ("logprobs", [], ["true"], "invalid_type"),
        ("best_of", ["1"], ["2"], "unsupported_parameter"),
        ("suffix", ["\"\"", "null"], ["\"x\""], "unsupported_parameter"),
        ("prompt", ["[0,262]"], ["[263]", "[-1]", "[[0],[263]]"], "invalid_value"),
        ("prompt", [], ["[]", "[[]]"], "empty_array"),
        ("prompt", [], ["\"\"", "[\"a\",\"\"]"], "empty_prompt"),
        ("prompt", [], ["1", "{}", "[true]", "[\"a\",[1]]", "[1,\"a\"]", "[[1],1]"], "invalid_type"),
        ("prompt", ["[" + list(32) + "]"], ["[" + list(33) + "]"], "array_above_max_length"),
        (
            "prompt", ["\"" + text(63) + "\""], ["\"" + text(64) + "\"", "\"" + text(1000) + "\""],
            "context_length_exceeded"
        ),
        (
            "prompt", [], ["[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"],
            "context_length_exceeded"
        ),
    ]

    private static func list(_ count: Int) -> String { Array(repeating: "\"a\"", count: count).joined(separator: ",") }

    @Test func `completions' own fields have bounds, too`() async throws {
        let (path, _, valid) = Self.endpoints[1]
        let server = try TestServer(FakeGenerator())
        for (name, taken, refused, code) in Self.completionBounds {
            for value in taken {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.status == 200, "\(name): \(value): \(answer.text)")
            }
            for value in refused {
                let answer = try await server.post(path, Self.body(valid, name, value))
                #expect(answer.error("code") == .string(code), "\(name): \(value): \(answer.text)")
                #expect(answer.error("param")?.text?.hasPrefix(name) == true)
            }
        }
    }
}
