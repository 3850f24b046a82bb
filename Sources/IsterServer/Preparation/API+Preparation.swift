import HTTPTypes
import Hummingbird
import IsterGenerator
import NIOCore

extension API {
    /// Reads a request's body and makes of it, on the threads for that, what the route needs. Counted by the gate until
    /// its end, and ends early when the client leaves. generates: the request needs a place in the generator, so it is
    /// refused unread while there is none. work: of the body; is also given the deadline, and not run after it.
    func prepare<Value: Sendable>(
        _ request: Request, _ context: ServerContext, generates: Bool,
        _ work: @escaping @Sendable ([UInt8], ContinuousClock.Instant) throws -> Value
    ) async throws -> Value {
        let deadline = deadline
        if generates, generator.load.isFull { throw APIError.queueFull }
        let client = context.payer
        try gate.enter(client)
        var heldBytes = 0
        defer { gate.leave(client, bytes: heldBytes) }
        if request.headers[.expect]?.lowercased() == "100-continue" {
            context.channel.triggerUserOutboundEvent(BodyWanted(), promise: nil)
        }
        let bytes = try await body(of: request, client, &heldBytes)
        let preparation = preparation
        return try await ClientWatch.whileConnected(context.channel) {
            try await preparation.run(for: client) {
                guard deadline > .now else { throw APIError.deadlinePassed }
                return try work(bytes, deadline)
            }
        }
    }

    /// heldBytes: those that the gate counts for this request.
    private func body(of request: Request, _ client: String, _ heldBytes: inout Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            guard length <= options.bodyByteLimit else { throw APIError.bodyTooLarge }
            bytes.reserveCapacity(max(length, 0))
        }
        for try await part in request.body {
            guard part.readableBytes <= options.bodyByteLimit - bytes.count else { throw APIError.bodyTooLarge }
            try gate.take(bytes: part.readableBytes, for: client)
            heldBytes += part.readableBytes
            bytes += part.readableBytesView
        }
        // A cancelled sequence ends as if the body had.
        try Task.checkCancellation()
        return bytes
    }

    static func object(_ bytes: [UInt8], _ budget: inout JSONBudget) throws(APIError) -> JSONObject {
        let value: JSONValue
        do { value = try budget.read(bytes) } catch { throw .invalidJSON(error) }
        guard case .object(let object) = value else {
            throw .badRequest("The JSON body must be an object.", nil, code: "invalid_json")
        }
        return object
    }

    static func object(_ bytes: [UInt8]) throws(APIError) -> JSONObject {
        var budget = JSONBudget()
        return try object(bytes, &budget)
    }
}

extension ServerContext {
    /// Whom a request is charged to before the generator knows it: its key or, without keys, its address.
    var payer: String { client.name.isEmpty ? channel.remoteAddress?.ipAddress ?? "" : client.name }
}
