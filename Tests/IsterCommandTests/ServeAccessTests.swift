import Foundation
import IsterServer
import Testing

@testable import ister

/// Who is answered and what is open, as the settings say.
@Suite struct ServeAccessTests {
    private func rules(
        _ flags: [String: [String]], _ environment: [String: String] = [:], inheritedSocket: Int32? = nil
    ) throws -> AccessRules {
        var settings = Settings(flags: flags, environment: environment, file: nil)
        return try ServeConfiguration(&settings, inheritedSocket: inheritedSocket).server.access
    }

    private func code(_ body: () throws -> Void) -> Failure.Code? {
        do { try body() } catch { return (error as? Failure)?.code }
        return nil
    }

    @Test func `hosts, origins and paths are taken in the forms in which people write them`() throws {
        let access = try rules([
            "allowed-host": ["Box.example:8443", "10.1.2.3:80", "fe80::1", "[fe80::2]:8080", "*"],
            "cors-origin": ["https://Chat.example:443/", "http://localhost:3000", "null"],
            "open": ["readyz", "/metrics/", "/v1//models"],
        ])
        let hosts: Set = ["box.example", "10.1.2.3", "[fe80::1]", "[fe80::2]", "*"]
        #expect(access.allowedHosts == hosts.union(["localhost", "127.0.0.1", "[::1]"]))
        #expect(!access.allowsAddressHosts)
        #expect(access.allowedOrigins == ["https://chat.example", "http://localhost:3000", "null"])
        #expect(access.openPaths == ["/", "/health", "/readyz", "/metrics", "/v1/models"])
    }

    @Test(arguments: [
        ("allowed-host", "https://box.example"), ("allowed-host", "box.example/"), ("allowed-host", "*.example"),
        ("allowed-host", "box.example:x"), ("allowed-host", "a:b:c"), ("cors-origin", "chat.example"),
        ("cors-origin", "https://chat.example/app"), ("cors-origin", "https://"), ("cors-origin", "*"),
        ("open", "/v1/embeddings"), ("open", "/readyz?x"), ("open", "/nothing"),
    ])
    func `what no request could match is refused`(name: String, text: String) {
        #expect(code { _ = try rules([name: [text]]) } == .usage)
        #expect(code { _ = try rules([:], [Settings.variable(name): text]) } == .configuration)
    }

    /// Runs `body` with a socket that is bound to an IPv4 address.
    private func withSocket(on address: UInt32, _ body: (Int32) throws -> Void) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = address.bigEndian
        let status = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                unsafe bind(descriptor, target, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        try body(descriptor)
    }

    @Test func `the address of an inherited socket counts as that of --host does`() throws {
        try withSocket(on: 0x7F00_0002) { descriptor in
            let access = try rules(["host": ["0.0.0.0"]], inheritedSocket: descriptor)
            #expect(access.allowedHosts.contains("127.0.0.2"))
            #expect(!access.allowsAddressHosts)
        }
        try withSocket(on: 0) { descriptor in
            #expect(code { _ = try rules([:], inheritedSocket: descriptor) } == .usage)
            let access = try rules(["no-auth": ["true"]], inheritedSocket: descriptor)
            #expect(access.allowsAddressHosts)
        }
    }
}
