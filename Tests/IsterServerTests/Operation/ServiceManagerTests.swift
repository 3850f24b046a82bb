import Foundation
@testable import IsterServer
import Testing

struct ServiceManagerTests {
    /// A datagram socket under an abstract name.
    private final class Inbox {
        let name = "ister-test-\(UUID())"
        private let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

        init() {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = [0] + Array(name.utf8)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                    _ = unsafe bind(descriptor, target, length)
                }
            }
        }

        deinit { close(descriptor) }

        func next() -> String {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
        }
    }

    @Test func `systemd hears of each phase`() {
        let inbox = Inbox()
        let manager = ServiceManager(
            environment: ["NOTIFY_SOCKET": "@\(inbox.name)", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"],
            processID: 7)
        manager.ready()
        #expect(inbox.next() == "READY=1\nSTATUS=Serving")
        manager.alive()
        #expect(inbox.next() == "WATCHDOG=1")
        manager.reloading()
        #expect(inbox.next().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        manager.stopping(seconds: 30)
        #expect(inbox.next() == "STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=40000000")
        #expect(manager.watchdogSeconds == 3)
    }

    @Test func `without systemd, or with another process meant, nothing happens`() {
        #expect(
            ServiceManager(environment: ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], processID: 8).watchdogSeconds
                == nil)
        #expect(ServiceManager(environment: [:]).watchdogSeconds == nil)
        ServiceManager(environment: ["NOTIFY_SOCKET": "relative"]).ready()
        ServiceManager(environment: ["NOTIFY_SOCKET": "/nonexistent/socket"]).ready()
        ServiceManager(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 300)]).ready()
        #expect(
            ServiceManager.inheritedSocket(environment: ["LISTEN_FDS": "1", "LISTEN_PID": "8"], processID: 7) == nil)
        #expect(
            ServiceManager.inheritedSocket(environment: ["LISTEN_FDS": "0", "LISTEN_PID": "7"], processID: 7) == nil)
        #expect(ServiceManager.inheritedSocket(environment: ["LISTEN_FDS": "1", "LISTEN_PID": "7"], processID: 7) == 3)
    }
}
