import Foundation

/// Where a socket listens that another process opened.
enum InheritedSocket {
    /// Whether only processes of this machine reach it; false where the system does not tell.
    static func isLocal(_ descriptor: Int32) -> Bool {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            let code = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length)
            }
            guard code == 0 else { return false }
            switch Int32(unsafe pointer.pointee.ss_family) {
            // A path of this machine's, which the file's mode guards.
            case AF_UNIX: return true
            case AF_INET:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    isLoopback(UInt32(bigEndian: unsafe address.pointee.sin_addr.s_addr))
                }
            case AF_INET6:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    unsafe withUnsafeBytes(of: address.pointee.sin6_addr) { isLoopback(unsafe Array($0)) }
                }
            default: return false
            }
        }
    }

    /// 127.0.0.0/8.
    private static func isLoopback(_ address: UInt32) -> Bool { address >> 24 == 127 }

    /// ::1. bytes: 16, in the network's order.
    private static func isLoopback(_ bytes: [UInt8]) -> Bool {
        bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }
}
