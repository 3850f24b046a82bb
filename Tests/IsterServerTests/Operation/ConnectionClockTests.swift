@testable import IsterServer
import Testing

struct ConnectionClockTests {
    private func clock() -> ConnectionClock { ConnectionClock(limits: ConnectionLimits(), now: 100) }

    @Test func `a connection that says nothing is closed after the time for headers`() {
        let clock = clock()
        #expect(clock.verdict(at: 109.9) == .wait)
        #expect(clock.verdict(at: 110) == .idle)
    }

    @Test func `headers that drip are too slow however often bytes come`() {
        var clock = clock()
        for second in 0..<12 { clock.receivedBytes(at: 101 + Double(second)) }
        #expect(clock.verdict(at: 110.9) == .wait)
        #expect(clock.verdict(at: 111) == .slowRequest)
    }

    @Test func `a body needs a kilobyte a second after ten seconds`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        _ = clock.receivedBody(10 * 1024)
        #expect(clock.verdict(at: 111) == .wait)
        #expect(clock.verdict(at: 111.1) == .slowRequest)
        _ = clock.receivedBody(100 * 1024)
        #expect(clock.verdict(at: 160.9) == .wait)
        #expect(clock.verdict(at: 161) == .slowRequest)
    }

    @Test func `a body of exactly the limit is taken and one byte more is not`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        let isWithin = clock.receivedBody(8 << 20)
        #expect(isWithin)
        let isStillWithin = clock.receivedBody(1)
        #expect(!isStillWithin)
    }

    @Test func `an answer may take as long as it likes`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        #expect(clock.verdict(at: 5000) == .wait)
        clock.answered(at: 5000)
        #expect(clock.verdict(at: 5029) == .wait)
        #expect(clock.verdict(at: 5030) == .idle)
    }

    @Test func `a body behind another answer is not the client's delay`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        clock.receivedHead(at: 102)
        #expect(clock.verdict(at: 500) == .wait)
        clock.answered(at: 500)
        #expect(clock.verdict(at: 509) == .wait)
        #expect(clock.verdict(at: 511) == .slowRequest)
    }

    @Test func `bytes that the client does not take close the connection, slow progress does not`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        clock.wrote(delivered: 1000, waiting: 500, at: 110)
        #expect(clock.verdict(at: 139) == .wait)
        clock.wrote(delivered: 1001, waiting: 499, at: 139)
        clock.wrote(delivered: 1001, waiting: 499, at: 168)
        #expect(clock.verdict(at: 168) == .wait)
        #expect(clock.verdict(at: 169) == .stalled)
        clock.wrote(delivered: 1500, waiting: 0, at: 169)
        #expect(clock.verdict(at: 300) == .wait)
    }

    @Test func `an answer on its way keeps the connection, which is idle from its last byte on`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        clock.answered(at: 102)
        clock.drain()
        for second in 0..<60 {
            clock.wrote(delivered: 100 * second, waiting: 6000 - 100 * second, at: 102 + Double(second))
            #expect(clock.verdict(at: 102 + Double(second)) == .wait)
        }
        clock.wrote(delivered: 6000, waiting: 0, at: 162)
        #expect(clock.verdict(at: 162.9) == .wait)
        #expect(clock.verdict(at: 163) == .idle)
    }

    @Test func `an answer on its way gives the next request no more time`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        clock.answered(at: 102)
        clock.wrote(delivered: 1, waiting: 1000, at: 110)
        clock.receivedBytes(at: 110)
        #expect(clock.verdict(at: 119.9) == .wait)
        #expect(clock.verdict(at: 120) == .slowRequest)
        clock.receivedHead(at: 120)
        clock.wrote(delivered: 2, waiting: 999, at: 130)
        #expect(clock.verdict(at: 131) == .slowRequest)
    }

    @Test func `writing more to a client that takes nothing buys it no time`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        for second in 0..<30 {
            // What waits grows by more than what was written where encryption adds its own.
            clock.wrote(delivered: 1000 - 29 * second, waiting: 500 + 129 * second, at: 110 + Double(second))
            #expect(clock.verdict(at: 110 + Double(second)) == .wait)
        }
        #expect(clock.verdict(at: 140) == .stalled)
    }

    @Test func `while draining an idle connection is closed after a second`() {
        var clock = clock()
        clock.receivedHead(at: 101)
        clock.receivedEnd(at: 101)
        clock.answered(at: 102)
        clock.drain()
        #expect(clock.verdict(at: 102.9) == .wait)
        #expect(clock.verdict(at: 103) == .idle)
    }

    @Test func `connections over a limit are refused, far over it dropped, and given back`() {
        var limits = ConnectionLimits()
        limits.connectionCount = 3
        limits.perAddressCount = 2
        let counter = ConnectionCounter(limits: limits)
        #expect([counter.admit("a"), counter.admit("a"), counter.admit("a")] == [.serve, .serve, .refuse])
        #expect([counter.admit("b"), counter.admit("b")] == [.serve, .refuse])
        for _ in 2..<ConnectionCounter.courtesyCount { #expect(counter.admit("c") == .refuse) }
        #expect(counter.admit("c") == .drop)
        counter.leave("a", .serve)
        #expect(counter.admit("c") == .serve)
        #expect(counter.count == 3 + ConnectionCounter.courtesyCount)
    }
}
