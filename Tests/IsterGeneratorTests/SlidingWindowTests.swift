import Testing

@testable import IsterGenerator

/// Blocks behind the sliding windows of all layers.
@Suite struct SlidingWindowTests {
    /// Of one request that runs alone, the most blocks held at once and the last position computed.
    private func run(_ driver: inout SchedulerDriver) throws -> (mostHeld: Int, end: Int) {
        var most = 0
        var end = 0
        while !driver.scheduler.isIdle {
            _ = driver.step()
            try SchedulerInvariants.check(driver.scheduler)
            most = max(most, driver.scheduler.running.reduce(0) { $0 + $1.blocks.count - $1.releasedCount })
            end = max(end, driver.scheduler.running.map(\.computedCount).max() ?? 0)
        }
        return (most, end)
    }

    @Test func `a request holds its window and a batch, and may be longer than the pool`() throws {
        for caches in [false, true] {
            var driver = SchedulerDriver(blocks: 7, rows: 16, context: 400, window: 40) { $0.cachesPrefixes = caches }
            #expect(driver.scheduler.settings.contextLength == 400)
            try driver.submit("long", prompt: 300, tokens: 90)
            let (most, end) = try run(&driver)
            // 40 positions before a batch of 16, unaligned: 5; one more of the prefix cache.
            #expect(most <= 6)
            #expect(end == 388)
            #expect(driver.scheduler.pool.availableCount == 7)
        }
    }

    @Test func `a layer that sees every position keeps every block`() throws {
        var driver = SchedulerDriver(blocks: 7, rows: 16, context: 400)
        #expect(driver.scheduler.settings.contextLength == 112)
        try driver.submit("a", prompt: 100, tokens: 2)
        #expect(try run(&driver).mostHeld == 7)
    }

    @Test func `a pool that is smaller than the window and a batch bounds the context`() {
        let driver = SchedulerDriver(blocks: 5, rows: 16, context: 400, window: 70)
        #expect(driver.scheduler.settings.contextLength == 80)
    }

    @Test func `a long text goes on from the cache though its beginning was overwritten`() throws {
        var driver = SchedulerDriver(blocks: 8, rows: 16, context: 400, window: 40)
        try driver.submit("first", prompt: 320)
        _ = try run(&driver)
        #expect(driver.scheduler.pool.cache.count == 8)
        try driver.submit("again", prompt: 330)
        // 320 tokens are cached; their first 17 blocks lie behind the window and are gone.
        #expect(driver.step() == ["again": 10])
        #expect(driver.scheduler.isIdle)
    }

    @Test func `a prefix with a hole inside the window is computed`() throws {
        var driver = SchedulerDriver(blocks: 8, rows: 16, context: 400, window: 40)
        try driver.submit("first", prompt: 320)
        _ = try run(&driver)
        // Shorter: the window of its 200 tokens was overwritten.
        try driver.submit("shorter", prompt: 201)
        #expect(driver.step() == ["shorter": 16])
    }

    @Test func `what another holds of a shared beginning is not taken from it`() throws {
        var driver = SchedulerDriver(blocks: 40, rows: 16, context: 400, window: 40) { $0.stepTokenCount = 16 }
        try driver.submit("a", prompt: 65, tokens: 200)
        for _ in 0..<6 { _ = driver.step() }
        try driver.submit("b", prompt: 66, tokens: 200)
        while !driver.scheduler.isIdle {
            _ = driver.step()
            try SchedulerInvariants.check(driver.scheduler)
        }
        #expect(driver.scheduler.pool.availableCount == 40)
    }

    @Test func `nothing stays of prefixes whose blocks are all gone`() throws {
        var driver = SchedulerDriver(blocks: 8, rows: 16, context: 400, window: 40)
        for first in [Int32(0), 1000, 2000] {
            try driver.submit("a", prompt: 320, first: first)
            _ = try run(&driver)
        }
        #expect(driver.scheduler.pool.cache.nodeCount <= 40)
        while driver.scheduler.pool.take() != nil {}
        #expect(driver.scheduler.pool.cache.nodeCount == 0)
    }
}
