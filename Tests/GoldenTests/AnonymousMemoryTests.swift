import Foundation
import Testing

@testable import IsterDecoder

@Suite struct AnonymousMemoryTests {
    /// Whether the system lets this process lock as much.
    private static var mayLock: Bool {
        var limit = rlimit()
        return unsafe geteuid() == 0
            || getrlimit(__rlimit_resource_t(8), &limit) == 0 && limit.rlim_cur >= 64 << 20  // RLIMIT_MEMLOCK
    }

    @Test(.enabled(if: mayLock)) func `populated memory stays in memory`() throws {
        let memory = try AnonymousMemory(bytes: 16 << 20)
        memory.populate()
        #expect(try lockedKibibytes() >= 16 << 10)
        withExtendedLifetime(memory) {}
    }

    /// Of the whole process: larger than all that other tests lock.
    private func lockedKibibytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        return try #require(Int(line.split { !$0.isNumber }[0]))
    }
}
