import Testing

@testable import IsterGenerator

@Suite struct SchedulerTests {
    @Test func `a prompt alone fills the step`() throws {
        var driver = SchedulerDriver()
        try driver.submit("a", prompt: 100)
        #expect(driver.step() == ["a": 64])
        #expect(driver.step() == ["a": 36])
        #expect(driver.scheduler.isIdle)
    }

    @Test func `while one decodes, prompts share what its row leaves of the step's tokens`() throws {
        var driver = SchedulerDriver { $0.stepTokenCount = 10 }
        try driver.submit("a", prompt: 1, tokens: 100)
        #expect(driver.step() == ["a": 1])
        try driver.submit("b", prompt: 20, tokens: 100)
        #expect(driver.step() == ["a": 1, "b": 9])
        #expect(driver.step() == ["a": 1, "b": 9])
        #expect(driver.step() == ["a": 1, "b": 2])
        #expect(driver.step() == ["a": 1, "b": 1])
    }

    @Test func `decoding requests leave a prompt at least a row`() throws {
        var driver = SchedulerDriver { $0.stepTokenCount = 1 }
        try driver.submit("a", prompt: 1, tokens: 100)
        _ = driver.step()
        try driver.submit("b", prompt: 3, tokens: 100)
        #expect(driver.step() == ["a": 1, "b": 1])
    }

    @Test func `steps take about the wanted time while one decodes, however slow a row is`() throws {
        for perRow in [0.001, 0.004] {
            var driver = SchedulerDriver(rows: 512, context: 4000) {
                $0.stepTokenCount = 512
                $0.stepSeconds = 0.1
            }
            driver.seconds = { 0.01 + perRow * Double($0) }
            try driver.submit("a", prompt: 1, tokens: 1000)
            _ = driver.step()
            let b = try driver.submit("b", prompt: 1500, tokens: 1, first: 2000)
            var times: [Double] = []
            while driver.left[b] == 1 {
                let start = driver.clock
                #expect(driver.step()["a"] == 1)
                times.append(driver.clock - start)
            }
            // The first step is a guess; the last one has what is left.
            let settled = times.dropFirst(5).dropLast()
            #expect(settled.allSatisfy { abs($0 - 0.1) < 0.01 }, "\(times)")
            #expect(settled.count > 3)
        }
    }

    @Test func `clients take turns, not requests`() throws {
        var driver = SchedulerDriver(sequences: 1)
        for name in ["a1", "a2", "a3"] { try driver.submit(name, client: "a", prompt: 10) }
        for name in ["b1", "b2"] { try driver.submit(name, client: "b", prompt: 10) }
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["a1", "b1", "a2", "b2", "a3"])
    }

    @Test func `turns count tokens: who had a long prompt waits for several short ones`() throws {
        var driver = SchedulerDriver(sequences: 1)
        for name in ["a1", "a2"] { try driver.submit(name, client: "a", prompt: 60) }
        for name in ["b1", "b2", "b3"] { try driver.submit(name, client: "b", prompt: 20) }
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["a1", "b1", "b2", "b3", "a2"])
    }

    @Test func `within a client the lower priority number goes first, then who came first`() throws {
        var driver = SchedulerDriver(sequences: 1)
        for (name, priority) in [("a", 0), ("b", 5), ("c", 1), ("d", 1)] {
            try driver.submit(name, prompt: 10, priority: priority)
        }
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["a", "c", "d", "b"])
    }

    @Test func `one prompt is finished before another of equal right begins`() throws {
        var driver = SchedulerDriver(rows: 16)
        for name in ["a", "b"] { try driver.submit(name, client: name, prompt: 32, first: name == "a" ? 0 : 50) }
        var steps: [[String: Int]] = []
        while !driver.scheduler.isIdle { steps.append(driver.step()) }
        #expect(steps == [["a": 16], ["a": 16], ["b": 16], ["b": 16]])
    }

    @Test func `a long prompt makes way for another client's after a turn`() throws {
        var driver = SchedulerDriver(rows: 16) { $0.stepTokenCount = 16 }
        try driver.submit("long", client: "a", prompt: 320)
        _ = driver.step()
        try driver.submit("short", client: "b", prompt: 10, first: 1000)
        var count = 0
        while driver.starts.count == 1 {
            _ = driver.step()
            count += 1
        }
        #expect(count == 4)
    }

    @Test func `a client that waits gets a place from one that is far ahead`() throws {
        var driver = SchedulerDriver(sequences: 2, placeTurn: 20)
        for name in ["a1", "a2"] { try driver.submit(name, client: "a", prompt: 10, tokens: 300) }
        for _ in 0..<5 { _ = driver.step() }
        try driver.submit("b", client: "b", prompt: 10, tokens: 5, first: 1000)
        var count = 0
        while driver.starts.last != "b" {
            _ = driver.step()
            count += 1
        }
        // a's two texts grow by 2 rows a step, until b is behind by a turn.
        #expect(count <= 20)
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["a1", "a2", "b"])
    }

    @Test func `a client that waits gets a place from clients that have one request each`() throws {
        var driver = SchedulerDriver(sequences: 2, placeTurn: 20)
        for name in ["a", "b"] { try driver.submit(name, client: name, prompt: 10, tokens: 300) }
        for _ in 0..<5 { _ = driver.step() }
        try driver.submit("c", client: "c", prompt: 10, tokens: 5)
        var count = 0
        while driver.starts.last != "c" {
            _ = driver.step()
            count += 1
        }
        // Their texts grow by a row a step, as their clients' levels do.
        #expect(count <= 25)
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["a", "b", "c"])
        #expect(driver.left.values.allSatisfy { $0 == 0 })
    }

    @Test func `a place that was taken away goes to who has nothing running, not to who has had less`() throws {
        var driver = SchedulerDriver(sequences: 2, placeTurn: 20)
        try driver.submit("y1", client: "y", prompt: 30)
        try driver.submit("x1", client: "x", prompt: 10, tokens: 300)
        _ = driver.step()
        let z1 = try driver.submit("z1", client: "z", prompt: 150)
        while driver.left[z1] == 1 { _ = driver.step() }
        try driver.submit("z2", client: "z", prompt: 10, tokens: 100, first: 1000)
        #expect(driver.step() == ["x1": 1, "z2": 10])
        // x has had the least, then y, and z by far the most.
        try driver.submit("x2", client: "x", prompt: 10, tokens: 5, first: 1000)
        try driver.submit("y2", client: "y", prompt: 10, tokens: 5, first: 1000)
        #expect(driver.step() == ["x1": 1, "y2": 10])
    }

    @Test func `who is held up beside its own request holds up nobody, until that one has ended`() throws {
        var driver = SchedulerDriver(blocks: 10)
        try driver.submit("b1", client: "b", prompt: 64)
        try driver.submit("a1", client: "a", prompt: 16, tokens: 4)
        #expect(driver.step() == ["b1": 64])
        #expect(driver.step() == ["a1": 16])
        // a has had less than b, but what it wants next does not fit beside what it has.
        try driver.submit("a2", client: "a", prompt: 120, first: 500)
        try driver.submit("b2", client: "b", prompt: 16, tokens: 20, first: 1000)
        #expect(driver.step() == ["a1": 1, "b2": 16])
        while driver.step()["a1"] != nil {}
        try driver.submit("b3", client: "b", prompt: 16, first: 2000)
        #expect(driver.step() == ["b2": 1])
        while !driver.scheduler.isIdle { _ = driver.step() }
        #expect(driver.starts == ["b1", "a1", "b2", "a2", "b3"])
    }

    @Test func `without blocks the youngest makes way, keeps its prefix and comes back`() throws {
        var driver = SchedulerDriver(blocks: 5, context: 80)
        for name in ["a", "b"] { try driver.submit(name, prompt: 16, tokens: 40, first: name == "a" ? 0 : 100) }
        var rows: [[String: Int]] = []
        while !driver.scheduler.isIdle { rows.append(driver.step()) }
        let isAlone = rows.map { $0["b"] == nil }
        let resumed = try #require(rows.indices.first { $0 > 1 && isAlone[$0 - 1] && !isAlone[$0] })
        // Its two full blocks were there still, or the first at least; not all of it was computed again.
        #expect(rows[resumed]["b"].map { $0 < 30 } ?? false)
        #expect(driver.scheduler.pool.availableCount == 5)
    }

    @Test func `of a prompt that is wholly cached the last block is computed, for its logits`() throws {
        var driver = SchedulerDriver()
        try driver.submit("a", prompt: 32, tokens: 1)
        #expect(driver.step() == ["a": 32])
        try driver.submit("b", prompt: 32, tokens: 1)
        #expect(driver.step() == ["b": 16])
    }

    @Test func `nothing of a slice that failed is found later`() throws {
        var driver = SchedulerDriver()
        driver.failing.insert(try driver.submit("bad", prompt: 40))
        _ = driver.step()
        #expect(driver.scheduler.isIdle)
        try driver.submit("good", prompt: 40)
        #expect(driver.step() == ["good": 40])
    }

    @Test func `a full queue and a client's limit refuse, with a time to come back`() throws {
        var driver = SchedulerDriver(sequences: 1) {
            $0.waitingCount = 2
            $0.perClientCount = 2
            $0.waitingTokenCount = 30
        }
        try driver.submit("a1", client: "a", prompt: 10, tokens: 50)
        _ = driver.step()
        try driver.submit("a2", client: "a", prompt: 10)
        #expect(throws: GenerationError.clientLimit(client: "a", count: 2, retryAfter: 5 * 2 / 3.0)) {
            try driver.submit("a3", client: "a", prompt: 10)
        }
        try driver.submit("c", client: "c", prompt: 10)
        #expect(!driver.scheduler.hasPlace)
        // Another server may have a place, so a full queue comes before the client's own limit.
        #expect(throws: GenerationError.queueFull(waiting: 2, retryAfter: 5)) {
            try driver.submit("a3", client: "a", prompt: 10)
        }
        #expect(throws: GenerationError.queueFull(waiting: 2, retryAfter: 5)) {
            try driver.submit("b", client: "b", prompt: 10)
        }
    }

    @Test func `prompts that find a free place are not bounded by the tokens that may wait`() throws {
        var driver = SchedulerDriver(sequences: 4) { $0.waitingTokenCount = 30 }
        for name in ["a", "b", "c", "d"] { try driver.submit(name, client: name, prompt: 100) }
        #expect(throws: GenerationError.queueFull(waiting: 4, retryAfter: 5)) {
            try driver.submit("e", client: "a", prompt: 1)
        }
    }

    @Test func `waiting tokens are bounded, but of each client one prompt of any length may wait`() throws {
        var driver = SchedulerDriver(sequences: 1) { $0.waitingTokenCount = 30 }
        try driver.submit("a", prompt: 10, tokens: 50)
        _ = driver.step()
        try driver.submit("b", prompt: 100)
        #expect(throws: GenerationError.queueFull(waiting: 1, retryAfter: 5)) { try driver.submit("c", prompt: 1) }
        try driver.submit("d", client: "other", prompt: 100)
        #expect(throws: GenerationError.queueFull(waiting: 2, retryAfter: 5)) {
            try driver.submit("e", client: "other", prompt: 1)
        }
    }

    @Test func `a prompt that no pool could hold is refused`() throws {
        var driver = SchedulerDriver(blocks: 2)
        #expect(throws: GenerationError.promptTooLong(tokens: 33, contextLength: 32)) {
            try driver.submit("a", prompt: 33)
        }
    }
}
