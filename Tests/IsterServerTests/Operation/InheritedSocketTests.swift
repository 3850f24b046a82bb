import Foundation
@testable import IsterServer
import Testing

struct InheritedSocketTests {
    /// What is known of a socket that is bound to an IPv4 address.
    private func bound(_ address: UInt32) -> (isLocal: Bool, host: String?) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = address.bigEndian
        let code = unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                unsafe bind(descriptor, target, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(code == 0)
        let place = ListenAddress.inherited(descriptor: descriptor)
        return (place.isLocal, place.boundHost)
    }

    @Test func `a socket on a loopback address is local, one on all addresses is not`() {
        #expect(bound(0x7F00_0001).isLocal)
        #expect(bound(0x7F00_0002).isLocal)
        #expect(!bound(0).isLocal)
    }

    @Test func `a socket tells the address to which it is bound, a path has none`() {
        #expect(bound(0x7F00_0002).host == "127.0.0.2")
        #expect(bound(0).host == "0.0.0.0")
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(ListenAddress.inherited(descriptor: descriptor).boundHost == nil)
        close(descriptor)
        #expect(ListenAddress.inherited(descriptor: -1).boundHost == nil)
        #expect(ListenAddress.host("box.example", port: 1).boundHost == "box.example")
    }

    @Test func `a path is local, what is no socket is not known to be`() {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(ListenAddress.inherited(descriptor: descriptor).isLocal)
        close(descriptor)
        let null = unsafe open("/dev/null", O_RDONLY)
        #expect(!ListenAddress.inherited(descriptor: null).isLocal)
        close(null)
        #expect(!ListenAddress.inherited(descriptor: -1).isLocal)
    }

    @Test func `names of this machine are local`() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            #expect(ListenAddress.host(host, port: 1).isLocal)
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.com"] {
            #expect(!ListenAddress.host(host, port: 1).isLocal)
        }
    }
}
