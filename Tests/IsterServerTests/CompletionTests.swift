import IsterGenerator
import Testing

@testable import IsterServer

@Suite struct CompletionTests {
    private let path = "/v1/completions"

    private func body(_ prompt: String, _ more: String = "") -> String {
        "{\"model\":\"tiny\",\"prompt\":\(prompt)\(more.isEmpty ? "" : "," + more)}"
    }

    @Test func `an answer has the older shape`() async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator).post(path, body("\"hi\""))
        #expect(answer.status == 200)
        #expect(answer.json["id"]?.text?.hasPrefix("cmpl-") == true)
        #expect(answer.json["object"] == "text_completion")
        #expect(
            answer.json["choices"] == [
                ["text": "hello", "index": 0, "logprobs": nil, "finish_reason": "stop"]
            ])
        #expect(answer.json["usage"]?["prompt_tokens"] == 2)
    }

    @Test(
        arguments: [
            ("\"ab\"", [[97, 98]]), ("[\"a\",\"b\"]", [[97], [98]]), ("[97,98]", [[97, 98]]),
            ("[[97],[98,99]]", [[97], [98, 99]]), ("\"<|im_end|>\"", [[258]]), ("\"\"", [[]]),
        ] as [(String, [[Int32]])])
    func `each form of a prompt gives its ids`(prompt: String, ids: [[Int32]]) async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator, prefix: [256]).post(path, body(prompt))
        #expect(answer.status == 200)
        let isIDs = prompt.contains("9")
        #expect(Set(generator.requests.map(\.prompt)) == Set(ids.map { isIDs ? $0 : [256] + $0 }))
    }

    @Test func `echo with logprobs scores the prompt, its first token not`() async throws {
        let generator = FakeGenerator()
        let server = try TestServer(generator, prefix: [256])
        let answer = try await server.post(path, body("\"aé\"", "\"echo\":true,\"logprobs\":1,\"max_tokens\":1"))
        #expect(generator.requests[0].scoresPrompt)
        let choice = answer.json["choices"]?[0]
        #expect(choice?["text"] == "aéhello")
        let scores = choice?["logprobs"]
        #expect(scores?.keys == ["tokens", "token_logprobs", "top_logprobs", "text_offset"])
        #expect(scores?["tokens"] == ["<|endoftext|>", "a", "bytes:\\xc3", "bytes:\\xa9", "hello"])
        #expect(scores?["text_offset"] == [0, 0, 1, 1, 2])
        #expect(scores?["token_logprobs"] == [nil, .number(-0.25), .number(-0.25), .number(-0.25), .number(-0.25)])
        #expect(scores?["top_logprobs"]?[0] == .null)
        #expect(scores?["top_logprobs"]?[1] == ["a": .number(-0.25)])
    }

    /// The scores of the longer prompt come in four parts, one of which begins within a character.
    @Test(arguments: [("ab", 1), (String(repeating: "aé", count: 66), 4)])
    func `a streamed echo is the same text and the same scores`(prompt: String, parts: Int) async throws {
        let server = try TestServer(FakeGenerator(contextLength: 512), prefix: [256])
        let options = "\"echo\":true,\"logprobs\":2,\"max_tokens\":2"
        let whole = try await server.post(path, body("\"\(prompt)\"", options))
        let stream = try await server.post(path, body("\"\(prompt)\"", options + ",\"stream\":true"))
        let choices = stream.chunks.compactMap { $0["choices"]?[0] }
        #expect(choices.compactMap { $0["text"]?.text }.joined() == prompt + "hello")
        // With one for each of the two tokens and one for the end.
        #expect(choices.count == parts + 3)
        for key in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            let parts = choices.compactMap { $0["logprobs"]?[key] }.flatMap { value -> [JSONValue] in
                guard case .array(let values) = value else { return [] }
                return values
            }
            #expect(.array(parts) == whole.json["choices"]?[0]?["logprobs"]?[key])
        }
        #expect(stream.text.hasSuffix("data: [DONE]\n\n"))
    }

    @Test(arguments: [false, true])
    func `max_tokens 0 gives the prompt back`(stream: Bool) async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator).post(
            path, body("[97,98]", "\"echo\":true,\"max_tokens\":0,\"stream\":\(stream)"))
        #expect(generator.requests[0].maximumNewTokens == 0)
        #expect(!generator.requests[0].scoresPrompt)
        if stream {
            #expect(answer.chunks.map { $0["choices"]?[0]?["text"] } == ["ab", ""])
        } else {
            #expect(answer.json["choices"]?[0]?["text"] == "ab")
            #expect(answer.json["choices"]?[0]?["finish_reason"] == "length")
        }
    }

    @Test func `prompts and choices are told by index, a few at a time`() async throws {
        let generator = FakeGenerator { request, _ in [.pause(0.01), .token(request.prompt[0])] }
        let prompts = "[" + (97..<109).map { "[\($0)]" }.joined(separator: ",") + "]"
        let answer = try await TestServer(generator).post(path, body(prompts, "\"n\":2,\"max_tokens\":1"))
        guard case .array(let choices)? = answer.json["choices"] else { throw TestFailure(answer.text) }
        #expect(choices.map { $0["index"] } == (0..<24).map { .integer($0) })
        let letters = "abcdefghijkl".map { String($0) }
        #expect(choices.map { $0["text"]?.text } == letters.flatMap { [$0, $0] })
        #expect(generator.mostAtOnce <= 4)
        #expect(answer.json["usage"]?["prompt_tokens"] == 12)
        #expect(answer.json["usage"]?["completion_tokens"] == 24)
    }

    @Test func `later prompts of a batch wait for a place`() async throws {
        let generator = FakeGenerator { _, number in
            number == 5 ? [.refuse(.clientLimit(client: "", count: 8, retryAfter: 0.01))] : [.token(97)]
        }
        let prompts = "[" + (0..<8).map { _ in "[97]" }.joined(separator: ",") + "]"
        let answer = try await TestServer(generator).post(path, body(prompts, "\"max_tokens\":1"))
        #expect(answer.status == 200)
        #expect(generator.requests.count == 9)
    }

    @Test(arguments: [1, 4]) func `once a batch has begun none of it is lost for having waited too long`(
        parallelCount: Int
    ) async throws {
        let generator = FakeGenerator { _, number in
            number == 1 ? [.fail(.waitedTooLong(seconds: 60))] : [.token(97)]
        }
        var options = APIOptions()
        options.parallelCount = parallelCount
        let answer = try await TestServer(generator, options: options).post(
            path, body("[[97],[98]]", "\"max_tokens\":1"))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json["usage"]?["completion_tokens"] == 2)
        #expect(generator.requests.count == 3)
        #expect(generator.requests.last?.isContinuation == true)
    }

    @Test func `settings reach the generator`() async throws {
        let generator = FakeGenerator()
        let settings = """
            "temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"frequency_penalty":1,"presence_penalty":-1,
            "repetition_penalty":1.5,"logit_bias":{"5":-100,"6":2.5},"stop":["x","yz"],"ignore_eos":true,
            "priority":3,"seed":9,"cache_salt":"s","stop_token_ids":[99]
            """
        _ = try await TestServer(generator).post(path, body("\"a\"", settings))
        let request = generator.requests[0]
        let filters = SamplingFilters(topK: 7, topP: 0.9, minP: 0.1)
        #expect(request.sampling == .random(temperature: 0.5, seed: 9, filters: filters))
        #expect(request.penalties == Penalties(repetition: 1.5, frequency: 1, presence: -1))
        #expect(request.logitBias == [5: -100, 6: 2.5])
        #expect(request.stopStrings == ["x", "yz"])
        #expect(request.endTokens == [99])
        #expect(request.priority == 3)
        #expect(request.cachePartition == "0::s")
        #expect(request.deadline != nil)
    }

    @Test func `the model's defaults count where the request says nothing`() async throws {
        let generator = FakeGenerator()
        let defaults = SamplingDefaults(temperature: 0.6, topK: 20, topP: 0.95, repetitionPenalty: 1.1)
        let server = try TestServer(generator, defaults: defaults)
        _ = try await server.post(path, body("\"a\"", "\"seed\":1"))
        _ = try await server.post(path, body("\"a\"", "\"seed\":1,\"temperature\":0,\"repetition_penalty\":1"))
        let filters = SamplingFilters(topK: 20, topP: 0.95)
        #expect(generator.requests[0].sampling == .random(temperature: 0.6, seed: 1, filters: filters))
        #expect(generator.requests[0].penalties.repetition == 1.1)
        #expect(generator.requests[1].sampling == .greedy)
        #expect(generator.requests[1].penalties.repetition == 1)
    }

    @Test func `without a seed each request draws its own`() async throws {
        let generator = FakeGenerator()
        let server = try TestServer(generator)
        for _ in 0..<2 { _ = try await server.post(path, body("\"a\"")) }
        #expect(generator.requests[0].sampling != generator.requests[1].sampling)
    }
}

struct TestFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
