import IsterDecoder
import IsterGenerator
import Synchronization
import Testing

@testable import IsterServer

/// `response_format` through the routes, over the real generator and a model that babbles.
@Suite struct ResponseFormatTests {
    static let schema =
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":5},"
        + "\"kind\":{\"enum\":[\"cat\",\"dog\"]}},\"required\":[\"name\",\"kind\"],\"additionalProperties\":false}"
    static let format =
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"pet\",\"strict\":true,\"schema\":\(schema)}}"

    private static func body(_ more: String) -> String {
        "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":400,\(more)}"
    }

    private static func requireFit(_ text: String?) throws {
        let value = try JSONReader.read(Array(try #require(text).utf8))
        #expect(value.keys == ["name", "kind"])
        #expect((value["name"]?.text?.unicodeScalars.count ?? 9) <= 5)
        #expect(["cat", "dog"].contains(value["kind"]))
    }

    @Test(arguments: 0..<5) func `an answer fits its schema`(seed: Int) async throws {
        let server = try TestServer(try Babble.generator())
        let answer = try await server.post("/v1/chat/completions", Self.body("\(Self.format),\"seed\":\(seed)"))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json["choices"]?[0]?["finish_reason"] == "stop")
        try Self.requireFit(answer.json["choices"]?[0]?["message"]?["content"]?.text)
    }

    @Test func `a stream, several choices, log probabilities and penalties change nothing of it`() async throws {
        let server = try TestServer(try Babble.generator())
        let more =
            "\"n\":3,\"stream\":true,\"logprobs\":true,\"top_logprobs\":2,\"frequency_penalty\":1,\"seed\":1,\"top_k\":40"
        let answer = try await server.post("/v1/chat/completions", Self.body("\(Self.format),\(more)"))
        #expect(answer.status == 200)
        for index in 0..<3 {
            let own = answer.chunks.compactMap { $0["choices"]?[0] }.filter { $0["index"] == .integer(index) }
            try Self.requireFit(own.compactMap { $0["delta"]?["content"]?.text }.joined())
            #expect(own.last?["finish_reason"] == "stop")
        }
    }

    @Test func `any object comes where an object is asked for, also from completions`() async throws {
        let server = try TestServer(try Babble.generator())
        for seed in 0..<3 {
            let answer = try await server.post(
                "/v1/completions",
                "{\"model\":\"tiny\",\"prompt\":\"a\",\"max_tokens\":200,\"seed\":\(seed),"
                    + "\"response_format\":{\"type\":\"json_object\"}}")
            let choice = answer.json["choices"]?[0]
            let text = try #require(choice?["text"]?.text)
            #expect(text.drop(while: \.isWhitespace).first == "{")
            // The model may babble on in a string until its tokens are used up.
            if choice?["finish_reason"] == "stop" { #expect(text.last == "}") }
        }
    }

    @Test func `an answer that is cut off is told as such`() async throws {
        let server = try TestServer(try Babble.generator())
        let answer = try await server.post(
            "/v1/chat/completions", Self.body(Self.format).replacing("\"max_tokens\":400", with: "\"max_tokens\":4"))
        #expect(answer.json["choices"]?[0]?["finish_reason"] == "length")
    }

    static let refused: [(String, String, String)] = [
        ("{}", "response_format.type", "missing_required_parameter"),
        ("{\"type\":1}", "response_format.type", "invalid_type"),
        ("{\"type\":\"grammar\"}", "response_format.type", "unsupported_parameter"),
        ("{\"type\":\"text\",\"schema\":{}}", "response_format.schema", ""),
        ("{\"type\":\"json_schema\"}", "response_format.json_schema", "missing_required_parameter"),
        (
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\"}}", "response_format.json_schema.schema",
            "missing_required_parameter"
        ),
        (
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a b\",\"schema\":{}}}",
            "response_format.json_schema.name", "invalid_value"
        ),
        (
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{},\"more\":1}}",
            "response_format.json_schema.more", ""
        ),
        (
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{\"pattern\":\"a\"}}}",
            "response_format", "invalid_schema"
        ),
        (
            "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":false}}",
            "response_format", "invalid_schema"
        ),
        ("{\"type\":\"json_object\",\"schema\":{\"type\":\"x\"}}", "response_format", "invalid_schema"),
    ]

    @Test(arguments: refused) func `what cannot be held is refused with its field`(
        refused: (format: String, parameter: String, code: String)
    ) async throws {
        let answer = try await TestServer(FakeGenerator()).post(
            "/v1/chat/completions", Self.body("\"response_format\":\(refused.format)"))
        #expect(answer.status == 400)
        #expect(answer.error("param") == .string(refused.parameter), "\(answer.text)")
        #expect(answer.error("code") == (refused.code.isEmpty ? .null : .string(refused.code)), "\(answer.text)")
    }

    static let taken: [(String, Bool, Bool)] = [
        ("{\"type\":\"text\",\"json_schema\":null,\"schema\":null}", false, false),
        ("{\"type\":\"json_object\",\"schema\":null}", false, true),
        ("{\"type\":\"text\",\"x\":1}", true, false),
        ("{\"x\":1,\"type\":\"json_object\",\"schema\":true}", true, true),
    ]

    @Test(arguments: taken) func `null counts as absence, and a lenient server ignores what it does not know`(
        taken: (format: String, isLenient: Bool, isConstrained: Bool)
    ) async throws {
        let generator = FakeGenerator(contextLength: 1000)
        var options = APIOptions()
        options.isLenient = taken.isLenient
        let answer = try await TestServer(generator, options: options).post(
            "/v1/chat/completions", Self.body("\"response_format\":\(taken.format)"))
        #expect(answer.status == 200, "\(answer.text)")
        #expect((generator.requests.first?.constraint != nil) == taken.isConstrained)
    }
}

/// A model whose logits are noise that depends on the last token and its position only. Its answers may have a
/// beginning that it prefers to all else.
final class Babble: LogitSource, Sendable {
    let vocabularySize = 263
    let contextLength = 1000
    let batchRows = 512
    let sequenceCount = 4
    let blockCount = 0
    let hiddenWidth = 1
    private struct Row {
        var token: Int32
        var position: Int
        /// Tokens of the answer before this row's.
        var answered: Int
    }

    private struct Rows {
        var last: [Row] = []
        var lengths = [Int](repeating: 0, count: 4)
        var answered = [Int](repeating: 0, count: 4)
    }

    private let beginning: [UInt8]
    private let rows = Mutex(Rows())

    init(beginning: String) {
        self.beginning = Array(beginning.utf8)
    }

    static func generator(beginning: String = "") throws -> Generator<Babble> {
        Generator(
            thread: try ComputeThread(), source: Babble(beginning: beginning), limits: GeneratorLimits(runningCount: 4))
    }

    func reset(sequence: Int) {
        rows.withLock {
            $0.lengths[sequence] = 0
            $0.answered[sequence] = 0
        }
    }
    func assign(blocks: [Int32], toSequence sequence: Int, from index: Int) throws(DecoderError) {}
    func begin(sequence: Int, length: Int) throws(DecoderError) { rows.withLock { $0.lengths[sequence] = length } }

    func forward(_ slices: [TokenSlice]) throws(DecoderError) {
        rows.withLock { state in
            state.last = []
            for slice in slices {
                state.lengths[slice.sequence] += slice.tokens.count
                if slice.logits == .last, let token = slice.tokens.last {
                    let answered = state.answered[slice.sequence]
                    state.last.append(Row(token: token, position: state.lengths[slice.sequence], answered: answered))
                    state.answered[slice.sequence] += 1
                }
            }
        }
    }

    func withLogits<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let last = rows.withLock { $0.last[row] }
        var random = RandomSequence(seed: UInt64(last.position) << 32 | UInt64(last.token))
        var logits = (0..<vocabularySize).map { _ in Float(random.nextUnit() * 4) }
        if last.answered < beginning.count { logits[Int(beginning[last.answered])] = 100 }
        return try body(logits.span)
    }

    func withStates<Result>(row: Int, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
        let states: [Float] = [0]
        return try body(states.span)
    }
}
