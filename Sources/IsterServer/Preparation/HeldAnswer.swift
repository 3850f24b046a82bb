import Hummingbird
import NIOCore

extension API {
    /// A whole answer, written where that may take its time.
    func response(
        _ context: ServerContext, _ answer: @escaping @Sendable () throws -> JSONValue
    ) async throws -> Response {
        try response(context, json: await preparation.run(for: context.payer) { ByteBuffer(bytes: try answer().line) })
    }

    /// A large answer goes at its reader's pace and counts as its client's until it is gone. json: one value.
    func response(_ context: ServerContext, json: ByteBuffer) throws(APIError) -> Response {
        guard json.readableBytes > APILimits.pieceBytes else { return Response(json: json) }
        let answer = try HeldAnswer(json, gate: gate, client: context.payer)
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(contentLength: json.readableBytes) { writer in
                try await answer.write(to: &writer)
                try await writer.finish(nil)
            })
    }
}

/// An answer that the gate counts until it goes away, however its writing ends.
private final class HeldAnswer: Sendable {
    private let json: ByteBuffer
    private let gate: AdmissionGate
    private let client: String

    init(_ json: ByteBuffer, gate: AdmissionGate, client: String) throws(APIError) {
        // First: an answer that is refused has nothing to give back.
        try gate.hold(answerBytes: json.readableBytes, for: client)
        self.json = json
        self.gate = gate
        self.client = client
    }

    deinit { gate.release(answerBytes: json.readableBytes, for: client) }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        var rest = json
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, APILimits.pieceBytes))
        {
            // A copy: a slice that waits in the channel would keep the whole answer, which nobody counts any more.
            try await writer.write(ByteBuffer(buffer: piece))
        }
    }
}
