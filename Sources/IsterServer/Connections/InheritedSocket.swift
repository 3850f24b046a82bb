import Foundation
import NIOCore

/// Where a socket listens that another process opened.
enum InheritedSocket {
    enum Place: Equatable {
        /// A path of this machine's, which the file's mode guards.
        case path
        /// A number: "10.0.0.1", "::1".
        case address(String)
    }

    /// nil where the system does not tell.
    static func place(_ descriptor: Int32) -> Place? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer -> Place? in
            let code = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length)
            }
            guard code == 0 else { return nil }
            switch Int32(unsafe pointer.pointee.ss_family) {
            case AF_UNIX: return .path
            case AF_INET:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    unsafe place(SocketAddress(address.pointee))
                }
            case AF_INET6:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    unsafe place(SocketAddress(address.pointee))
                }
            default: return nil
            }
        }
    }

    private static func place(_ address: SocketAddress) -> Place? { address.ipAddress.map { .address($0) } }
}
