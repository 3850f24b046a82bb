import Glibc
import Testing

@testable import ister

@Suite struct ServeMemoryTests {
    @Test func `freed blocks between kept ones go back to the system`() throws {
        let bytes = 64 << 10
        let blocks = (0..<1024).map { _ in
            let block = unsafe UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
            unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: bytes)
            return unsafe Int(bitPattern: block)
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
        #expect(!rhythm.isDue(residentBytes: 51 << 20, isIdle: true))
        #expect(rhythm.isDue(residentBytes: 52 << 20, isIdle: true))
        rhythm.trimmed(residentBytes: 51 << 20)
        #expect(!rhythm.isDue(residentBytes: 52 << 20, isIdle: true))
        // What went down by itself counts from there.
        #expect(!rhythm.isDue(residentBytes: 45 << 20, isIdle: true))
        #expect(rhythm.isDue(residentBytes: 47 << 20, isIdle: true))
    }

    @Test func `a busy server is trimmed after half a minute`() {
        var rhythm = ServeMemory.Rhythm(residentBytes: 50 << 20)
        for _ in 1..<ServeMemory.Rhythm.busySeconds { #expect(!rhythm.isDue(residentBytes: 60 << 20, isIdle: false)) }
        #expect(rhythm.isDue(residentBytes: 60 << 20, isIdle: false))
    }
}
