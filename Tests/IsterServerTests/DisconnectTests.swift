import Glibc
import Hummingbird
import HummingbirdTesting
import IsterGenerator
import NIOCore
import NIOPosix
import Testing

@testable import IsterServer

/// Over real sockets: work ends with the client that wants it.
@Suite(.timeLimit(.minutes(1))) struct DisconnectTests {
    enum Phase: CaseIterable {
        case beforeFirstToken, afterFirstToken, wholeAnswer
    }

    enum Farewell: CaseIterable {
        case finish, halfClose, reset
    }

    private func connect(_ port: Int) async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true).connect(host: "127.0.0.1", port: port).get()
    }

    private func send(_ body: String, to channel: any Channel) async throws {
        let request = """
            POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
            Content-Length: \(body.utf8.count)\r\n\r\n\(body)
            """
        try await channel.writeAndFlush(ByteBuffer(string: request))
    }

    private func leave(_ channel: any Channel, _ farewell: Farewell) async throws {
        switch farewell {
        case .finish: try await channel.close()
        case .halfClose: try await channel.close(mode: .output)
        case .reset:
            let provider = try #require(channel as? any SocketOptionProvider)
            try await provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try await channel.close()
        }
    }

    @Test(arguments: Phase.allCases, Farewell.allCases)
    func `a client that leaves ends its request`(phase: Phase, farewell: Farewell) async throws {
        let generator = FakeGenerator { _, _ in phase == .afterFirstToken ? [.token(97), .hang] : [.hang] }
        let server = try TestServer(generator)
        try await server.application.test(.live) { client in
            let channel = try await connect(try #require(client.port))
            try await send(
                "{\"model\":\"tiny\",\"prompt\":\"a\",\"stream\":\(phase != .wholeAnswer)}", to: channel)
            try await eventually { generator.requests.count == 1 }
            #expect(generator.cancelledCount == 0)
            try await leave(channel, farewell)
            try await eventually { generator.cancelledCount == 1 }
            try? await channel.close()
        }
    }

    @Test func `only the leaving client's request ends`() async throws {
        let generator = FakeGenerator { _, _ in [.token(97), .hang] }
        let server = try TestServer(generator)
        try await server.application.test(.live) { client in
            let port = try #require(client.port)
            let body = "{\"model\":\"tiny\",\"prompt\":\"a\",\"stream\":true}"
            var channels: [any Channel] = []
            for count in 1...4 {
                channels.append(try await connect(port))
                try await send(body, to: channels[count - 1])
                try await eventually { generator.requests.count == count }
            }
            for (count, channel) in channels.enumerated() {
                #expect(generator.cancelledCount == count)
                try await channel.close()
                try await eventually { generator.cancelledCount == count + 1 }
            }
        }
    }

    @Test func `the second request of a connection ends with it, too`() async throws {
        let generator = FakeGenerator { _, number in number == 0 ? [.token(TestModel.end)] : [.hang] }
        let server = try TestServer(generator)
        try await server.application.test(.live) { client in
            let channel = try await connect(try #require(client.port))
            for count in 1...2 {
                try await send("{\"model\":\"tiny\",\"prompt\":\"a\"}", to: channel)
                try await eventually { generator.requests.count == count }
            }
            #expect(generator.cancelledCount == 0)
            try await channel.close()
            try await eventually { generator.cancelledCount == 1 }
        }
    }

    @Test func `all choices and those that wait end with the client`() async throws {
        let generator = FakeGenerator { _, _ in [.hang] }
        let server = try TestServer(generator)
        try await server.application.test(.live) { client in
            let channel = try await connect(try #require(client.port))
            try await send("{\"model\":\"tiny\",\"prompt\":[\"a\",\"b\",\"c\"],\"n\":4}", to: channel)
            try await eventually { generator.requests.count == 4 }
            try await channel.close()
            try await eventually { generator.cancelledCount == 4 }
            try await Task.sleep(for: .milliseconds(50))
            #expect(generator.requests.count == 4)
        }
    }

    @Test func `a stream over a socket keeps its connection`() async throws {
        let server = try TestServer(FakeGenerator())
        try await server.application.test(.live) { client in
            for _ in 0..<3 {
                try await client.execute(
                    uri: "/v1/completions", method: .post, headers: [.contentType: "application/json"],
                    body: ByteBuffer(string: "{\"model\":\"tiny\",\"prompt\":\"a\",\"stream\":true}")
                ) { response in
                    #expect(response.status == .ok)
                    #expect(String(buffer: response.body).hasSuffix("data: [DONE]\n\n"))
                }
            }
        }
    }
}
