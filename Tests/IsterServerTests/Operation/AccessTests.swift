import Foundation
import IsterGenerator
@testable import IsterServer
import Testing

struct AccessTests {
    private static let full = "ister-full-key-for-tests"
    private static let limited = "ister-models-key-for-tests"
    private static let inference = "ister-inference-key-for-tests"

    private func options(requests: Double? = nil, tokens: Double? = nil) -> ServerOptions {
        var options = ServerOptions()
        options.access.keys = KeyRing([
            APIKey(
                name: "full", digest: APIKey.digest(of: Self.full), requestsPerMinute: requests,
                tokensPerMinute: tokens),
            APIKey(name: "limited", digest: APIKey.digest(of: Self.limited), scopes: [.models]),
            APIKey(name: "inference", digest: APIKey.digest(of: Self.inference), scopes: [.inference]),
        ])
        return options
    }

    @Test func `without a key everything but the open paths is closed, routes that do not exist too`() async throws {
        try await TestService.run(options()) { service in
            let paths = [
                "/v1/models", "/v1/completions", "/metrics", "/readyz", "/livez", "/v1/health", "/endless", "/nothing",
                "//health", "/health/", "/%68ealth", "/health/../v1/models", "/HEALTH",
            ]
            for path in paths {
                for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
                    let answer = try await service.request(method, path, body: method == "POST" ? "{}" : nil)
                    #expect(answer.status == 401, "\(method) \(path)")
                    #expect(answer.code == "invalid_api_key")
                    #expect(answer.headers["www-authenticate"] == "Bearer")
                    #expect(answer.headers["x-request-id"]?.isEmpty == false)
                }
            }
            #expect(try await service.request("GET", "/health").status == 200)
            #expect(try await service.request("HEAD", "/health").status == 200)
            #expect(try await service.request("POST", "/health", body: "{}").status == 401)
        }
    }

    @Test func `a key opens what its scopes hold`() async throws {
        try await TestService.run(options()) { service in
            let full = ["Authorization: Bearer \(Self.full)"]
            let models = ["X-Api-Key: \(Self.limited)"]
            #expect(try await service.request("GET", "/v1/models", headers: full).body == #"{"client":"full"}"#)
            #expect(try await service.request("GET", "/metrics", headers: full).status == 200)
            #expect(try await service.post(headers: full).status == 200)
            #expect(try await service.request("GET", "/readyz", headers: models).status == 200)
            #expect(try await service.request("GET", "/v1/models", headers: models).body == #"{"client":"limited"}"#)
            for answer in [
                try await service.request("GET", "/metrics", headers: models), try await service.post(headers: models),
            ] {
                #expect(answer.status == 403)
                #expect(answer.type == "permission_error")
            }
        }
    }

    @Test func `slashes that the router passes over change no scope`() async throws {
        try await TestService.run(options()) { service in
            let inference = ["Authorization: Bearer \(Self.inference)"]
            for path in ["/metrics", "/metrics/", "//metrics", "/v1/models", "//v1/models", "/v1//models/"] {
                let answer = try await service.request("GET", path, headers: inference)
                #expect(answer.status == 403, "\(path)")
            }
            let models = ["Authorization: Bearer \(Self.limited)"]
            #expect(try await service.request("GET", "//v1/models/", headers: models).status == 200)
            #expect(try await service.post("//v1/completions", headers: models).status == 403)
            #expect(try await service.post("/v1/completions/", headers: inference).status == 200)
        }
    }

    @Test func `clients that share prefixes are still parted by the salt of a request`() async throws {
        for (isShared, partitions) in [(false, ["4:full", "4:full:s"]), (true, ["0:", "0::s"])] {
            var options = APIOptions()
            options.sharesPrefixes = isShared
            let generator = FakeGenerator()
            try await TestService.run(self.options(), generator: generator, routes: apiRoutes(options)) { service in
                for salt in ["", #","cache_salt":"s""#] {
                    let body = "{\"model\":\"tiny\",\"prompt\":\"a\"\(salt)}"
                    let key = ["Authorization: Bearer \(Self.full)"]
                    let answer = try await service.post(headers: key, body: body)
                    #expect(answer.status == 200)
                }
            }
            #expect(generator.requests.map(\.cachePartition) == partitions)
        }
    }

    @Test func `a wrong key is refused and told to nobody`() async throws {
        try await TestService.run(options()) { service in
            let wrong = [
                "Authorization: Bearer \(Self.full)x", "Authorization: Bearer", "Authorization: Basic \(Self.full)",
                "Authorization: \(Self.full)", "X-Api-Key: \(Self.full.dropLast())", "X-Api-Key: ",
            ]
            for header in wrong {
                let answer = try await service.request("GET", "/v1/models", headers: [header])
                #expect(answer.status == 401, "\(header)")
                #expect(!answer.text.contains("ister-full"))
            }
            #expect(service.log.all.allSatisfy { !$0.contains("ister-full") })
            #expect(
                try await service.request("GET", "/v1/models", headers: ["authorization: bearer \(Self.full)"]).status
                    == 200)
        }
    }

    @Test func `hosts, origins and content that a page elsewhere could send are refused`() async throws {
        var options = ServerOptions()
        options.access.allowedOrigins = ["https://chat.example.com"]
        options.access.allowedHosts.insert("box.local")
        try await TestService.run(options) { service in
            for host in [
                "evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::2]", "127.0.0.1:x", "10.0.0.1",
            ] {
                let answer = try await service.request("GET", "/health", host: host)
                #expect(answer.status == 403, "\(host)")
                #expect(answer.type == "permission_error")
            }
            for host in ["LOCALHOST", "localhost:1", "127.0.0.1", "[::1]:80", "box.local:8080"] {
                #expect(try await service.request("GET", "/health", host: host).status == 200, "\(host)")
            }
            #expect(
                try await service.request("GET", "/health", headers: ["Origin: https://evil.example"]).code
                    == "origin_not_allowed")
            #expect(try await service.request("GET", "/health", headers: ["Origin: null"]).status == 403)
            #expect(
                try await service.request("GET", "/health", headers: ["Origin: http://localhost"], host: "localhost:80")
                    .status == 200)
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
                let headers = type.isEmpty ? [] : ["Content-Type: \(type)"]
                let answer = try await service.request("POST", "/v1/completions", headers: headers, body: "{}")
                #expect(answer.status == 415, "\(type)")
            }
            #expect(try await service.post(headers: ["Content-Encoding: gzip"]).status == 415)
            #expect(try await service.post(headers: ["Content-Encoding: identity"]).status == 200)
            for type in ["application/json; charset=utf-8", "Application/JSON", "application/json ;x"] {
                let headers = ["Content-Type: \(type)"]
                #expect(
                    try await service.request("POST", "/v1/completions", headers: headers, body: "{}").status == 200)
            }
        }
    }

    @Test func `a listed origin may read answers, without credentials, and others get no headers`() async throws {
        var options = options()
        options.access.allowedOrigins = ["https://chat.example.com"]
        try await TestService.run(options) { service in
            let origin = "Origin: https://chat.example.com"
            let asked = try await service.request(
                "OPTIONS", "/v1/completions", headers: [origin, "Access-Control-Request-Headers: authorization"])
            #expect(asked.status == 204)
            #expect(asked.headers["access-control-allow-origin"] == "https://chat.example.com")
            #expect(asked.headers["access-control-allow-headers"] == "authorization")
            #expect(asked.headers["access-control-allow-credentials"] == nil)
            let refused = try await service.post(headers: [origin])
            #expect(refused.status == 401)
            #expect(refused.headers["access-control-allow-origin"] == "https://chat.example.com")
            let plain = try await service.request("GET", "/health")
            #expect(!plain.headers.keys.contains { $0.hasPrefix("access-control") })
        }
    }

    @Test func `requests beyond a key's minute get 429 and when to come back`() async throws {
        try await TestService.run(options(requests: 2)) { service in
            let key = ["Authorization: Bearer \(Self.full)"]
            let start = ContinuousClock.now
            #expect(try await service.post(headers: key).status == 200)
            #expect(try await service.post(headers: key).status == 200)
            let answer = try await service.post(headers: key)
            #expect(answer.status == 429)
            #expect(answer.type == "requests")
            #expect(answer.code == "rate_limit_exceeded")
            // Two a minute: the next after 30 s, less what has passed since the first.
            let passed = Int((ContinuousClock.now - start) / .milliseconds(1))
            let milliseconds = try #require(answer.headers["retry-after-ms"].flatMap { Int($0) })
            #expect((29_999 - passed...30_000).contains(milliseconds))
            #expect(answer.headers["retry-after"] == String((milliseconds + 999) / 1000))
            // Looking at the models costs nothing.
            #expect(try await service.request("GET", "/v1/models", headers: key).status == 200)
        }
    }

    @Test func `buckets fill steadily and tokens may be overdrawn once`() {
        let key = APIKey(name: "a", digest: [], requestsPerMinute: 60, tokensPerMinute: 600)
        var meter = KeyMeter(key, now: 0)
        let first = (0..<60).map { _ in meter.takeRequest(key, at: 0) }
        #expect(first == Array(repeating: nil, count: 60))
        let early = meter.takeRequest(key, at: 0.5)
        #expect(early?.what == "requests")
        let again = meter.takeRequest(key, at: 1)
        #expect(again == nil)
        meter.take(tokens: 700, key, at: 1)
        let excess = meter.takeRequest(key, at: 2)
        #expect(excess?.what == "tokens")
        #expect(excess.map { abs($0.retryAfter - 9.1) < 0.01 } == true)
        let last = meter.takeRequest(key, at: 11.2)
        #expect(last == nil)
    }

    @Test func `a reload changes who gets in and keeps what was used`() {
        let ring = KeyRing([APIKey(name: "a", digest: APIKey.digest(of: "one"), requestsPerMinute: 1)])
        let key = APIKey(name: "a", digest: APIKey.digest(of: "two"), requestsPerMinute: 1)
        #expect(ring.find("one")?.name == "a")
        #expect(ring.takeRequest(key, at: 0) == nil)
        ring.replace([key])
        #expect(ring.find("one") == nil)
        #expect(ring.find("two") == key)
        #expect(ring.takeRequest(key, at: 1) != nil)
    }

    @Test func `a limit that comes with a reload begins with a whole minute's worth`() {
        func key(requests: Double?, tokens: Double?) -> APIKey {
            APIKey(name: "a", digest: [], requestsPerMinute: requests, tokensPerMinute: tokens)
        }
        let both = key(requests: 2, tokens: 600)
        for old in [key(requests: nil, tokens: 600), key(requests: 2, tokens: nil)] {
            let ring = KeyRing([old])
            #expect(ring.takeRequest(old, at: 0) == nil)
            ring.replace([both])
            #expect(ring.takeRequest(both, at: 0) == nil)
        }
        let ring = KeyRing([key(requests: nil, tokens: 600)])
        ring.countTokens(500, of: "a", at: 0)
        ring.replace([both])
        let answers = (0..<3).map { _ in ring.takeRequest(both, at: 0)?.what }
        #expect(answers == [nil, nil, "requests"])
        // What was used of the old limit stays used.
        ring.countTokens(100, of: "a", at: 0)
        #expect(ring.takeRequest(both, at: 0)?.what == "tokens")
    }

    @Test func `unknown paths and wrong methods have the API's form`() async throws {
        try await TestService.run { service in
            let unknown = try await service.request("GET", "/v1/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.code == "unknown_url")
            let wrong = try await service.request("GET", "/v1/completions")
            #expect(wrong.status == 405)
            #expect(wrong.headers["allow"] == "POST")
            #expect(wrong.code == "method_not_allowed")
            #expect(try await service.request("DELETE", "/health").headers["allow"] == "GET, HEAD")
        }
    }

    @Test func `an id of the client's comes back unless it could harm a log`() async throws {
        try await TestService.run { service in
            let given = try await service.request("GET", "/health", headers: ["X-Request-Id: abc-1.2_3:4"])
            #expect(given.headers["x-request-id"] == "abc-1.2_3:4")
            for bad in ["a b", "\"x\"", String(repeating: "x", count: 129)] {
                let answer = try await service.request("GET", "/health", headers: ["X-Request-Id: \(bad)"])
                #expect(answer.headers["x-request-id"]?.hasPrefix("req-") == true)
            }
        }
    }

    @Test func `before the model is there work gets 503 and probes tell`() async throws {
        try await TestService.run(isReady: false) { service in
            for answer in [
                try await service.post(), try await service.request("GET", "/readyz"),
                try await service.request("GET", "/health"),
            ] {
                #expect(answer.status == 503)
                #expect(answer.code == "model_loading")
                #expect(answer.headers["retry-after"] == "5")
            }
            #expect(try await service.request("GET", "/livez").status == 200)
            #expect(try await service.request("GET", "/metrics").status == 200)
        }
    }
}
