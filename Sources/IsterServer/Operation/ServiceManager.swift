import Foundation
import NIOCore

/// Tells systemd how the service is, by datagrams to `$NOTIFY_SOCKET`. Without that variable it does nothing.
public struct ServiceManager: Sendable {
    /// Of the environment: a path, or "@" and an abstract name.
    private let socket: String?
    /// How often systemd wants to hear that the service lives; nil: never.
    public let watchdogSeconds: Double?

    /// processID: this process's, unless told.
    public init(environment: [String: String], processID: Int32? = nil) {
        socket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let processID = processID ?? getpid()
        let isForUs = environment["WATCHDOG_PID"].map { $0 == String(processID) } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap(Double.init) ?? 0
        watchdogSeconds = isForUs && microseconds > 0 ? microseconds * 1e-6 : nil
    }

    /// The first listening socket that systemd opened for this process; nil without socket activation.
    public static func inheritedSocket(
        environment: [String: String], processID: Int32? = nil
    ) -> Int32? {
        guard environment["LISTEN_PID"] == String(processID ?? getpid()),
            let count = environment["LISTEN_FDS"].flatMap(Int32.init), count >= 1
        else { return nil }
        // SD_LISTEN_FDS_START
        let descriptor: Int32 = 3
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    public func ready() { send("READY=1\nSTATUS=Serving") }
    public func status(_ text: String) { send("STATUS=\(text)") }
    public func alive() { send("WATCHDOG=1") }

    /// seconds: how long the service may take to end.
    public func stopping(seconds: Double) {
        send("STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=\(Int64((seconds + 10) * 1e6))")
    }

    public func reloading() {
        // Both are CLOCK_MONOTONIC.
        send("RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)")
    }

    private func send(_ message: String) {
        guard let socket else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(socket.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard name.count < capacity, name.first == UInt8(ascii: "/") || name.first == UInt8(ascii: "@") else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
            unsafe path.copyBytes(from: name)
            // An abstract name begins with a zero byte.
            if name[0] == UInt8(ascii: "@") { unsafe path[0] = 0 }
        }
        let descriptor = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = MemoryLayout.size(ofValue: address) - capacity + name.count
        let bytes = Array(message.utf8)
        // A service manager that does not listen is not this process's trouble.
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), target, socklen_t(length))
            }
        }
    }
}
