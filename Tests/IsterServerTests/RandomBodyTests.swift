import IsterGenerator
import Testing

@testable import IsterServer

/// Requests that someone cut, mixed and mistyped: whatever they say, the answer is one of those that are told.
@Suite struct RandomBodyTests {
    private static let seeds: [(path: String, body: String)] = [
        (
            "/v1/chat/completions",
            """
            {"model":"tiny","messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text",
            "text":"é\\u00e9"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f",
            "arguments":"{}"}}]}],"n":2,"stream":true,"stream_options":{"include_usage":true},"logprobs":true,
            "top_logprobs":3,"stop":["x"],"logit_bias":{"1":-1},"seed":1,"temperature":0.5,"max_tokens":3}
            """
        ),
        (
            "/v1/completions",
            """
            {"model":"tiny","prompt":[[1,2],[3]],"echo":true,"logprobs":2,"n":2,"max_tokens":0,"stream":false,
            "top_p":0.5,"top_k":3,"min_p":1e-2,"stop":"y","ignore_eos":true,"stop_token_ids":[5]}
            """
        ),
        (
            "/v1/embeddings",
            "{\"model\":\"tiny\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\",\"dimensions\":3}"
        ),
        ("/tokenize", "{\"content\":\"hello\",\"add_special\":true,\"with_pieces\":true}"),
        ("/detokenize", "{\"tokens\":[1,2,262]}"),
    ]

    private static let snippets = [
        "null", "true", "-1", "1e309", "9999999999999999999", "\"\"", "[]", "{}", "\\ud800", "\u{0}", "[[[[", "\"", ",",
        "\u{1F600}", "263", "-0.0", "1e-320",
    ].map { Array($0.utf8) }

    @Test(arguments: 0..<5) func `no mutated body is a server error`(index: Int) async throws {
        let (path, body) = Self.seeds[index]
        let server = try TestServer(FakeGenerator())
        #expect(try await server.post(path, body).status == 200)
        var random = Steps(state: UInt64(index) + 1)
        for _ in 0..<300 {
            var bytes = Array(body.utf8)
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: Self.snippets.randomElement(using: &random) ?? [], at: place)
                case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &random)))
                default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 12)], at: place)
                }
                if bytes.isEmpty { bytes = [0x7B] }
            }
            let answer = try await server.post(path, bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect([200, 400, 404].contains(answer.status), "\(answer.status): \(text)")
            if answer.status != 200 { #expect(answer.error("message") != nil, "\(text)") }
        }
    }
}

/// SplitMix64, so that a failure comes again.
private struct Steps: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
