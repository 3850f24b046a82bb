import Foundation
import Testing

@testable import IsterDecoder

@Suite struct AnonymousMemoryTests {
    /// Whether the system lets this process lock as much.
    private static var mayLock: Bool {
        if hasCapability(14) { return true }  // CAP_IPC_LOCK
        var limit = rlimit()
        return unsafe getrlimit(__rlimit_resource_t(8), &limit) == 0 && limit.rlim_cur >= 64 << 20  // RLIMIT_MEMLOCK
    }

    /// Root may lack it in a container.
    private static func hasCapability(_ bit: Int) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let digits = line?.dropFirst("CapEff:".count).trimmingCharacters(in: .whitespaces)
        return digits.flatMap { UInt64($0, radix: 16) }.map { $0 >> bit & 1 == 1 } ?? false
    }

    @Test(.enabled(if: mayLock)) func `populated memory stays in memory`() throws {
        let memory = try AnonymousMemory(bytes: 16 << 20)
        memory.populate(try Team(workers: 3))
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
