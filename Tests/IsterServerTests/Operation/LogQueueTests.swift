@testable import IsterServer
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogQueueTests {
    @Test func `lines are written in their order`() {
        let lines = LogLines()
        let queue = LogQueue(write: lines.append, onDrop: { _ in })
        for number in 0..<1000 { queue.push("\(number)\n") }
        #expect(queue.flush(seconds: 20))
        #expect(lines.all == (0..<1000).map { "\($0)\n" })
    }

    @Test func `who logs does not wait for a writer that is stuck, and is told what was lost`() async throws {
        let block = Block()
        let lines = LogLines()
        let queue = LogQueue(byteLimit: 10) { line in
            block.wait()
            lines.append(line)
        } onDrop: {
            lines.append("lost \($0)")
        }
        queue.push("first")
        try await eventually { block.isReached }
        queue.push("other")
        for _ in 0..<5 { queue.push("x") }
        #expect(!queue.flush(seconds: 0.05))
        block.open()
        #expect(queue.flush(seconds: 20))
        #expect(lines.all == ["first", "other", "lost 5"])
        queue.push("again")
        #expect(queue.flush(seconds: 20))
        #expect(lines.all.last == "again")
    }
}
