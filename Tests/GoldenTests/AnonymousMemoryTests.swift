import Foundation
import Testing

@testable import IsterDecoder

@Suite struct AnonymousMemoryTests {
    @Test func `populated memory stays in memory where the system lets it`() throws {
        var limit = rlimit()
        #expect(unsafe getrlimit(__rlimit_resource_t(8), &limit) == 0)  // RLIMIT_MEMLOCK
        let isAllowed = geteuid() == 0 || limit.rlim_cur >= 64 << 20
        let memory = try AnonymousMemory(bytes: 16 << 20)
        memory.populate()
        #expect(try lockedKibibytes() >= (isAllowed ? 16 << 10 : 0))
        withExtendedLifetime(memory) {}
    }

    /// Of the whole process: larger than all that other tests lock.
    private func lockedKibibytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        return try #require(Int(line.split { !$0.isNumber }[0]))
    }
}
