import HTTPTypes
import Hummingbird
import IsterGenerator
import Testing

@testable import IsterServer

@Suite struct OtherRouteTests {
    private static let model: JSONValue = [
        "id": "tiny", "object": "model", "created": 1_700_000_000, "owned_by": "ister", "max_model_len": 64,
        "meta": ["n_vocab": 263, "n_ctx": 64, "n_ctx_train": 128, "n_params": 1234, "size": 5678],
    ]

    @Test func `the model is listed and found`() async throws {
        let server = try TestServer(FakeGenerator())
        #expect(try await server.get("/v1/models").json == ["object": "list", "data": [Self.model]])
        #expect(try await server.get("/v1/models/tiny").json == Self.model)
        #expect(try await server.get("/v1/models/t%69ny").json == Self.model)
        for name in ["other", "%", "%zz", "%ff", "..%2ftiny"] {
            let answer = try await server.get("/v1/models/\(name)")
            #expect(answer.status == 404)
            #expect(answer.error("code") == "model_not_found")
        }
    }

    @Test func `a model whose name is a path is found under it`() async throws {
        try await TestService.run { generator, router in
            guard var model = try? TestModel.served() else { return }
            model.id = "org/tiny"
            if let routes = try? APIRoutes(model: model, generator: generator) { routes.add(to: router) }
        } _: { service in
            for path in ["/v1/models/org/tiny", "/v1/models/org%2Ftiny"] {
                let answer = try await service.request("GET", path)
                #expect(answer.body.contains(#""id":"org/tiny""#))
            }
            for path in ["/v1/models/org", "/v1/models/tiny", "/v1/models/org/tiny/x"] {
                let answer = try await service.request("GET", path)
                #expect(answer.code == "model_not_found")
            }
            #expect(try await service.post("/v1/models/org/tiny").headers["allow"] == "GET, HEAD")
        }
    }

    @Test func `exactly what GET reaches can be opened`() throws {
        let router = Router(context: ServerContext.self)
        let metrics = OperationMetrics(registry: PrometheusRegistry(descriptions: OperationMetrics.descriptions))
        OperationRoutes(state: ServerState(), metrics: metrics, connectionCount: { 0 }, load: { nil }).add(to: router)
        try APIRoutes(model: TestModel.served(), generator: FakeGenerator()).add(to: router)
        addWebPage(to: router)
        for route in router.routes {
            #expect((AccessRules.openPath(route.path.description) != nil) == (route.method == .get), "\(route)")
        }
    }

    @Test func `embeddings are floats`() async throws {
        let generator = FakeGenerator()
        let answer = try await TestServer(generator, prefix: [256]).post(
            "/v1/embeddings", "{\"model\":\"tiny\",\"input\":[\"a\",\"<|im_end|>\"]}")
        #expect(answer.status == 200)
        #expect(answer.json.keys == ["object", "data", "model", "usage"])
        #expect(answer.json["object"] == "list")
        let values: JSONValue = [.number(0.5), .number(-1.25), .number(3e-5)]
        #expect(answer.json["data"]?[0] == ["object": "embedding", "index": 0, "embedding": values])
        #expect(answer.json["data"]?[1]?["index"] == 1)
        let prompts = generator.requests.map(\.prompt)
        #expect(generator.requests.allSatisfy { $0.embeds && $0.maximumNewTokens == 0 })
        // A text to embed is data: it cannot spell a special token.
        #expect(prompts.allSatisfy { !$0.contains(TestModel.end) })
        #expect(answer.json["usage"]?["prompt_tokens"] == .integer(prompts.map(\.count).reduce(0, +)))
    }

    @Test func `embeddings are base64 of 32-bit floats`() async throws {
        let server = try TestServer(FakeGenerator())
        let body = "{\"model\":\"tiny\",\"input\":[1,2],\"encoding_format\":\"base64\",\"dimensions\":3}"
        let answer = try await server.post("/v1/embeddings", body)
        #expect(answer.json["data"]?[0]?["embedding"] == .string(Base64.encode([Float(0.5), -1.25, 3e-5])))
        let list = Array(repeating: "\"a\"", count: 33).joined(separator: ",")
        for (more, field) in [
            ("\"input\":\"a\",\"dimensions\":2", "dimensions"), ("\"input\":\"a\",\"dimensions\":0", "dimensions"),
            ("\"input\":\"a\",\"encoding_format\":\"int8\"", "encoding_format"), ("\"input\":[\(list)]", "input"),
            ("\"input\":[263]", "input[0]"), ("\"input\":{}", "input"),
        ] {
            let answer = try await server.post("/v1/embeddings", "{\"model\":\"tiny\",\(more)}")
            #expect(answer.status == 400)
            #expect(answer.error("param") == .string(field))
        }
    }

    @Test func `tokenize and detokenize undo each other`() async throws {
        let server = try TestServer(FakeGenerator(), prefix: [256])
        let plain = try await server.post("/tokenize", "{\"content\":\"hello é<|im_end|>\"}")
        #expect(plain.json["tokens"] == [262, 32, 0xC3, 0xA9, 258])
        #expect(plain.json["count"] == 5)
        let special = try await server.post("/tokenize", "{\"prompt\":\"a\",\"model\":\"tiny\"}")
        #expect(special.json["tokens"] == [256, 97])
        let literal = try await server.post("/tokenize", "{\"content\":\"<|im_end|>\",\"parse_special\":false}")
        #expect(literal.json["count"] == 10)
        let pieces = try await server.post("/tokenize", "{\"content\":\"é\",\"with_pieces\":true}")
        #expect(pieces.json["tokens"]?[0] == ["id": 0xC3, "piece": [0xC3]])
        let text = try await server.post("/detokenize", "{\"tokens\":[262,32,195,169,258]}")
        #expect(text.json == ["content": "hello é<|im_end|>", "prompt": "hello é<|im_end|>"])
    }

    @Test func `ids that no context holds are not turned into text`() async throws {
        let server = try TestServer(FakeGenerator(contextLength: 64))
        func body(_ count: Int) -> String {
            "{\"tokens\":[" + Array(repeating: "262", count: count).joined(separator: ",") + "]}"
        }
        #expect(try await server.post("/detokenize", body(64)).status == 200)
        let answer = try await server.post("/detokenize", body(65))
        #expect(answer.status == 400)
        #expect(answer.error("param") == "tokens")
        #expect(answer.error("code") == "array_above_max_length")
    }

    @Test func `a text of 1 MiB is tokenized, a longer one is not`() async throws {
        let server = try TestServer(FakeGenerator())
        func body(_ count: Int) -> String { "{\"content\":\"" + String(repeating: "a", count: count) + "\"}" }
        #expect(try await server.post("/tokenize", body(1 << 20)).status == 200)
        #expect(try await server.post("/tokenize", body(1 << 20 + 1)).error("code") == "string_above_max_length")
        #expect(try await server.post("/tokenize", "{\"content\":\"a\",\"prompt\":\"a\"}").status == 400)
        #expect(try await server.post("/tokenize", "{}").error("param") == "content")
    }
}
