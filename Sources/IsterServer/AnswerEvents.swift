import HTTPTypes
import Hummingbird
import IsterGenerator
import NIOCore

/// Turns a batch's events into the chunks of a stream.
protocol AnswerChunks: Sendable {
    mutating func chunks(_ index: Int, _ event: GenerationEvent) -> [JSONValue]
    /// After the last event.
    func lastChunks() -> [JSONValue]
}

extension GenerationBatch {
    /// An answer of server-sent events: one for each chunk, `[DONE]` at the end. An error is the last event, and no
    /// `[DONE]` follows it: clients take that for success.
    func stream(_ chunks: some AnswerChunks, _ options: APIOptions, promptField: String) -> Response {
        let headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-cache", .accelBuffering: "no"]
        let body = ResponseBody { writer in
            defer { self.cancel() }
            try await self.withSilence(every: options.pingSeconds) {
                try await self.write(chunks, promptField, to: &writer)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func write(
        _ chunks: some AnswerChunks, _ promptField: String, to writer: inout any ResponseBodyWriter
    ) async throws {
        var chunks = chunks
        var doneCount = 0
        while true {
            var buffer = ByteBuffer()
            do {
                guard let items = try await next() else { break }
                for item in items {
                    guard case .event(let index, let event) = item else { continue }
                    if case .done(let summary) = event {
                        doneCount += 1
                        try summary.requireEnd()
                    }
                    for part in event.parts {
                        for chunk in chunks.chunks(index, part) { buffer.writeEvent(chunk) }
                        try await writer.relieve(&buffer)
                    }
                }
                if buffer.readableBytes == 0, items.contains(where: \.isSilence) { buffer.writeString(": ping\n\n") }
            } catch {
                let error = APIError.generation(error, parameter: promptField)
                if error == .clientLeft { throw error }
                RequestTrace.current?.endStream(code: error.code ?? error.type)
                // What came before the error in the same take is told first.
                buffer.writeEvent(error.json)
                return try await writer.write(buffer)
            }
            if buffer.readableBytes > 0 { try await writer.write(buffer) }
        }
        guard doneCount == count else { throw APIError.clientLeft }
        var buffer = ByteBuffer()
        for chunk in chunks.lastChunks() { buffer.writeEvent(chunk) }
        buffer.writeString("data: [DONE]\n\n")
        try await writer.write(buffer)
    }

    /// All events of a whole answer, by choice.
    func collect(promptField: String) async throws(APIError) -> [ChoiceEvents] {
        var choices = [ChoiceEvents](repeating: ChoiceEvents(), count: count)
        do {
            while let items = try await next() {
                for item in items {
                    if case .event(let index, let event) = item { choices[index].add(event) }
                }
            }
            for choice in choices {
                guard let summary = choice.summary else { throw CancellationError() }
                try summary.requireEnd()
            }
        } catch {
            throw .generation(error, parameter: promptField)
        }
        return choices
    }
}

/// What happened to one request of a batch.
struct ChoiceEvents: Sendable {
    var promptScores: [TokenScore?] = []
    var embedding: [Float]?
    var tokens: [GeneratedToken] = []
    var summary: GenerationSummary?

    mutating func add(_ event: GenerationEvent) {
        switch event {
        case .accepted, .started: break
        case .promptScores(let scores): promptScores = scores
        case .embedding(let values): embedding = values
        case .token(let token): tokens.append(token)
        case .done(let summary): self.summary = summary
        }
    }
}

extension GenerationSummary {
    /// Throws when the answer did not come to its own end.
    fileprivate func requireEnd() throws(APIError) {
        switch finishReason {
        case .stop, .length: break
        case .cancelled: throw .cutOff
        case .deadline: throw .deadlinePassed
        }
    }
}

extension ResponseBodyWriter {
    /// Writes what has come together when it is much, so that the rest waits for the reader.
    fileprivate mutating func relieve(_ buffer: inout ByteBuffer) async throws {
        guard buffer.readableBytes > APILimits.pieceBytes else { return }
        try await write(buffer)
        buffer.clear()
    }
}

extension GenerationEvent {
    /// The scores of a prompt in slices, of which each makes a chunk; of everything else itself.
    fileprivate var parts: [GenerationEvent] {
        guard case .promptScores(let scores) = self else { return [self] }
        return stride(from: 0, to: scores.count, by: APILimits.echoedScoreCount).map { start in
            .promptScores(Array(scores[start...].prefix(APILimits.echoedScoreCount)))
        }
    }
}

extension GenerationBatch.Item {
    fileprivate var isSilence: Bool {
        if case .silence = self { true } else { false }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeEvent(_ json: JSONValue) {
        writeString("data: ")
        writeBytes(json.line)
        writeString("\n\n")
    }
}
