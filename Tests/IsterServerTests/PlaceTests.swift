import Testing

@testable import IsterServer

/// Requests that are several: prompts times choices.
@Suite struct PlaceTests {
    private func server(_ generator: FakeGenerator, running: Int, places: Int) throws -> TestServer {
        var options = APIOptions()
        options.runningCount = running
        options.placeCount = places
        return try TestServer(generator, options: options)
    }

    private let chat = "\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"

    @Test func `more choices than run together are refused by name, before anything is generated`() async throws {
        let generator = FakeGenerator()
        let server = try server(generator, running: 2, places: 10)
        #expect(try await server.post("/v1/chat/completions", "{\(chat),\"n\":2}").status == 200)
        #expect(generator.requests.count == 2)
        let prompt = "\"model\":\"tiny\",\"prompt\":\"a\""
        for (path, body) in [
            ("/v1/chat/completions", "{\(chat),\"n\":3}"), ("/v1/completions", "{\(prompt),\"n\":3,\"best_of\":3}"),
        ] {
            let answer = try await server.post(path, body)
            #expect(answer.status == 400)
            #expect(answer.error("param") == "n")
        }
        #expect(generator.requests.count == 2)
    }

    @Test func `prompts times choices that never fit into the queue are refused`() async throws {
        let generator = FakeGenerator()
        let server = try server(generator, running: 2, places: 3)
        func post(_ prompts: String, n: Int) async throws -> TestServer.Answer {
            try await server.post("/v1/completions", "{\"model\":\"tiny\",\"prompt\":\(prompts),\"n\":\(n)}")
        }
        #expect(try await post("[\"a\",\"b\",\"c\"]", n: 1).status == 200)
        let answer = try await post("[\"a\",\"b\"]", n: 2)
        #expect(answer.status == 400)
        #expect(answer.error("param") == "prompt")
        #expect(answer.error("message")?.text?.contains("4 requests; at most 3") == true)
        let embeddings = try await server.post("/v1/embeddings", "{\"model\":\"tiny\",\"input\":[[1],[2],[3],[4]]}")
        #expect(embeddings.status == 400)
        #expect(embeddings.error("param") == "input")
        #expect(generator.requests.count == 3)
    }

    @Test func `other dimensions than the model's are refused before anything is computed`() async throws {
        let generator = FakeGenerator()
        let body = "{\"model\":\"tiny\",\"input\":\"a\",\"dimensions\":2}"
        let answer = try await TestServer(generator).post("/v1/embeddings", body)
        #expect(answer.status == 400)
        #expect(answer.error("param") == "dimensions")
        #expect(generator.requests.isEmpty)
    }
}
