import Glibc
import Testing

@testable import ister

@Suite struct ServeMemoryTests {
    @Test func `freed blocks between kept ones go back to the system`() throws {
        let bytes = 64 << 10
        let blocks = (0..<1024).map { _ in
            let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
            unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: bytes)
            return Int(bitPattern: block)
        }
        func free(_ isFreed: (Int) -> Bool) {
            for (index, block) in blocks.enumerated() where isFreed(index) {
                unsafe UnsafeMutableRawPointer(bitPattern: block)?.deallocate()
            }
        }
        // The kept ones hold on to all that lies before them.
        free { $0 % 16 != 15 }
        let before = try #require(ServeMemory.residentBytes)
        ServeMemory.trim()
        let after = try #require(ServeMemory.residentBytes)
        #expect(before - after > 30 << 20)
        free { $0 % 16 == 15 }
    }

    @Test func `an idle server is trimmed once after it has grown`() {
        var rhythm = ServeMemory.Rhythm(residentBytes: 50 << 20)
        let isDue = { rhythm.isDue(residentBytes: $0 << 20, isIdle: $1) }
        #expect(!isDue(51, true))
        #expect(isDue(52, true))
        rhythm.trimmed(residentBytes: 51 << 20)
        #expect(!isDue(52, true))
        // What went down by itself counts from there.
        #expect(!isDue(45, true))
        #expect(isDue(47, true))
    }

    @Test func `a busy server is trimmed after half a minute`() {
        var rhythm = ServeMemory.Rhythm(residentBytes: 50 << 20)
        let isDue = { rhythm.isDue(residentBytes: $0 << 20, isIdle: $1) }
        for _ in 1..<ServeMemory.Rhythm.busySeconds { #expect(!isDue(60, false)) }
        #expect(isDue(60, false))
    }
}
