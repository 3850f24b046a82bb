import Glibc
import Testing

@testable import IsterServer

/// What a reader does not take must not pile up.
@Suite(.timeLimit(.minutes(1))) struct SlowReaderTests {
    private struct Cut: Error {}

    private func mailbox(limit: Int? = 10) -> Mailbox<Int> {
        Mailbox(isMarked: { _ in false }, weight: { $0 }, limit: limit.map { ($0, Cut()) })
    }

    @Test func `items beyond the limit end the mailbox, after those before them`() async throws {
        let mailbox = mailbox()
        #expect(mailbox.push(6) && mailbox.push(0) && mailbox.push(4) && mailbox.push(0))
        #expect(!mailbox.push(1))
        #expect(!mailbox.push(0))
        #expect(try await mailbox.take() == [6, 0, 4, 0])
        await #expect(throws: Cut.self) { try await mailbox.take() }
    }

    @Test func `what was taken makes room`() async throws {
        let mailbox = mailbox()
        for _ in 0..<100 {
            #expect(mailbox.push(10))
            #expect(try await mailbox.take() == [10])
        }
    }

    @Test func `who waits for room gets it when half is taken, or at the end`() async throws {
        let mailbox = mailbox()
        mailbox.push(4)
        await mailbox.waitForRoom()
        mailbox.push(5)
        async let room: Void = mailbox.waitForRoom()
        _ = try await mailbox.take()
        await room
        mailbox.push(10)
        async let end: Void = mailbox.waitForRoom()
        mailbox.finish()
        await end
    }

    @Test func `a stream that nobody reads is cut with an error and its request ends`() async throws {
        let generator = FakeGenerator(contextLength: 1 << 20) { _, _ in
            Array(repeating: .token(104), count: 40_000) + [.hang]
        }
        var options = APIOptions()
        options.waitingBytes = 64 << 10
        let chosen = options
        try await TestService.run(generator: generator) { observed, router in
            let routes = try? APIRoutes(model: TestModel.served(), generator: observed, options: chosen)
            routes?.add(to: router)
        } _: { service in
            let body = #"{"model":"tiny","prompt":"x","stream":true,"max_tokens":100000}"#
            let text = try await RawClient.onThread {
                let client = try RawClient(port: service.port, seconds: 20, receiveBuffer: 4096)
                client.send(
                    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body)
                // The cut comes while nothing is read.
                for _ in 0..<1500 where generator.cancelledCount == 0 { usleep(10_000) }
                return client.readToEnd()
            }
            #expect(text.contains("reader_too_slow"))
            #expect(!text.contains("[DONE]"))
        }
        #expect(generator.cancelledCount == 1)
    }
}
