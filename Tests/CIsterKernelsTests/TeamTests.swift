import CIsterKernels
import Glibc
import Testing

/// Counts how often each item was claimed, over several phases.
@safe private struct CountingJob {
    let counts: UnsafeMutablePointer<Int32>
    let items: Int
    let phases: Int
    let slowWorker: Int
    let failures: UnsafeMutablePointer<Int32>
    let firstPhase: UInt32
}

private func countItems(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
    let job = unsafe context.assumingMemoryBound(to: CountingJob.self).pointee
    for phase in 0..<job.phases {
        if worker == job.slowWorker { usleep(2000) }
        while true {
            let range = unsafe ister_team_claim(team, worker, job.firstPhase &+ UInt32(phase), job.items, 3)
            if range.begin == range.end { break }
            for item in range.begin..<range.end { unsafe job.counts[phase * job.items + item] += 1 }
            unsafe ister_team_complete(team, job.firstPhase &+ UInt32(phase), job.items, range.end - range.begin)
        }
        unsafe ister_team_wait(team, worker, job.firstPhase &+ UInt32(phase), job.items)
        // Now every item of the phase is done, whoever did it and however late this worker comes.
        for item in 0..<job.items where unsafe job.counts[phase * job.items + item] != 1 {
            unsafe job.failures[worker] += 1
        }
    }
}

/// One phase whose items are counted, without the wait that a lost item would never end.
@safe private struct UnwaitedJob {
    let counts: UnsafeMutablePointer<Int32>
    let items: Int
    let isSlow: Bool
    let phase: UInt32
}

private func countWithoutWaiting(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
    let job = unsafe context.assumingMemoryBound(to: UnwaitedJob.self).pointee
    if job.isSlow, worker == 1 { usleep(5000) }
    while true {
        let range = unsafe ister_team_claim(team, worker, job.phase, job.items, 3)
        if range.begin == range.end { break }
        for item in range.begin..<range.end { unsafe job.counts[item] += 1 }
        unsafe ister_team_complete(team, job.phase, job.items, range.end - range.begin)
    }
}

/// One item of 0.1 s, for which all but one worker wait. context: the phase.
private func waitForOne(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
    let phase = unsafe context.assumingMemoryBound(to: UInt32.self).pointee
    let range = unsafe ister_team_claim(team, worker, phase, 1, 1)
    if range.begin < range.end {
        usleep(100_000)
        unsafe ister_team_complete(team, phase, 1, 1)
    }
    unsafe ister_team_wait(team, worker, phase, 1)
}

/// Which item worker 0 gets next; the others do nothing.
@safe private struct OrderJob {
    let order: UnsafeMutablePointer<Int32>
    let items: Int
}

private func claimAlone(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
    let job = unsafe context.assumingMemoryBound(to: OrderJob.self).pointee
    guard worker == 0 else { return }
    for place in 0..<job.items {
        let range = unsafe ister_team_claim(team, worker, 1, job.items, 1)
        unsafe job.order[place] = Int32(range.begin)
        unsafe ister_team_complete(team, 1, job.items, range.end - range.begin)
    }
}

@Suite(.serialized) struct TeamTests {
    /// Eight items, two of each worker. Workers 0 and 2 have one memory node, 1 and 3 another.
    @Test func `work of the own memory node is taken over before that of another`() {
        for (isPlaced, expected) in [(false, [0, 1, 3, 2, 5, 4, 7, 6]), (true, [0, 1, 5, 4, 3, 2, 7, 6])] {
            let team = unsafe ister_team_create(4, 0)!
            defer { unsafe ister_team_destroy(team) }
            let allowed = Owned(repeating: Int32(0), count: 1024)
            let count = unsafe min(ister_allowed_processors(allowed.start, 1024), 1024)
            for worker in 0..<4 where isPlaced {
                #expect(unsafe ister_team_place(team, worker, worker % 2, allowed.start, count) == 0)
            }
            let order = Owned(repeating: Int32(-1), count: 8)
            var job = unsafe OrderJob(order: order.start, items: 8)
            #expect(unsafe ister_team_run(team, { unsafe claimAlone($0, $1, $2) }, &job) == 4)
            #expect(order.array == expected.map(Int32.init))
        }
    }

    /// Several calls of one team whose last worker always comes late, so that the team also shrinks and grows again.
    /// Between calls phases leap, less than half the range of their 24-bit tags and in all more than the whole.
    @Test(arguments: [1, 2, 3, 8], [0, 2000])
    func `every item is claimed once and done when the wait ends`(workers: Int, spin: Int) {
        let phases = 3, calls = 8, leap: UInt32 = 0x30_0000
        #expect(leap < 1 << 23 && UInt32(calls - 1) * leap > 1 << 24)
        for items in [0, 1, 2, 7, 100, 1000] {
            let team = unsafe ister_team_create(workers, spin)!
            for call in 0..<calls {
                let counts = Owned(repeating: Int32(0), count: items * phases + 1)
                let failures = Owned(repeating: Int32(0), count: workers)
                var job = unsafe CountingJob(
                    counts: counts.start, items: items, phases: phases, slowWorker: workers - 1,
                    failures: failures.start, firstPhase: 1 + UInt32(call) * leap)
                let ran = unsafe ister_team_run(team, { unsafe countItems($0, $1, $2) }, &job)
                #expect(ran >= 1 && ran <= workers)
                #expect(failures.array.allSatisfy { $0 == 0 })
                #expect(counts.array.dropLast().allSatisfy { $0 == 1 })
            }
            unsafe ister_team_destroy(team)
        }
    }

    @Test func `more items than a claim can count end the process`() async {
        await #expect(processExitsWith: .signal(SIGABRT)) {
            let team = unsafe ister_team_create(1, 0)!
            _ = unsafe ister_team_claim(team, 0, 1, 1 << 20, 1)
        }
    }

    /// In a process of its own, whose time is nobody else's.
    @Test func `between calls the threads sleep and leave the processors to others`() async {
        await #expect(processExitsWith: .success) {
            let team = unsafe ister_team_create(4, 2000)!
            let ran = unsafe ister_team_run(team, { _, _, _ in }, UnsafeMutableRawPointer(team))
            let before = clock()
            usleep(200_000)
            // Three threads that look for work all the time would use two processors' 0.2 s.
            exit(ran == 4 && clock() - before < CLOCKS_PER_SEC / 20 ? EXIT_SUCCESS : EXIT_FAILURE)
        }
    }

    @Test func `workers that sat out take part again when they are called`() {
        let team = unsafe ister_team_create(2, 0)!
        defer { unsafe ister_team_destroy(team) }
        var sizes: [Int] = []
        for call in 0..<20 where sizes.last != 1 {
            let counts = Owned(repeating: Int32(0), count: 100)
            var job = unsafe UnwaitedJob(counts: counts.start, items: 100, isSlow: true, phase: 1 + UInt32(call))
            sizes.append(unsafe ister_team_run(team, { unsafe countWithoutWaiting($0, $1, $2) }, &job))
        }
        #expect(sizes.last == 1, "the team never shrank")
        unsafe ister_team_recall(team)
        let counts = Owned(repeating: Int32(0), count: 100)
        var job = unsafe UnwaitedJob(counts: counts.start, items: 100, isSlow: false, phase: 100)
        #expect(unsafe ister_team_run(team, { unsafe countWithoutWaiting($0, $1, $2) }, &job) == 2)
        #expect(counts.array.allSatisfy { $0 == 1 })
    }

    @Test func `workers for whom there is no item do not sit out for having waited`() {
        let team = unsafe ister_team_create(2, 0)!
        defer { unsafe ister_team_destroy(team) }
        for var phase in UInt32(1)...4 {
            #expect(unsafe ister_team_run(team, { unsafe waitForOne($0, $1, $2) }, &phase) == 2)
        }
    }

    @Test func `the largest number of items is claimed whole`() {
        let team = unsafe ister_team_create(1, 0)!
        defer { unsafe ister_team_destroy(team) }
        let items = (1 << 20) - 1
        let counts = Owned(repeating: Int32(0), count: items)
        var job = unsafe UnwaitedJob(counts: counts.start, items: items, isSlow: false, phase: 1)
        _ = unsafe ister_team_run(team, { unsafe countWithoutWaiting($0, $1, $2) }, &job)
        #expect(counts.array.allSatisfy { $0 == 1 })
    }

    /// While the last worker sits out, the phases pass half the range of tags.
    @Test func `a worker that sat out for long leaves no item unclaimed when it comes back`() {
        let team = unsafe ister_team_create(2, 0)!
        defer { unsafe ister_team_destroy(team) }
        var sizes: [Int] = []
        for call in 0..<200 where sizes.count < 3 || sizes.last != 2 || !sizes.contains(1) {
            let counts = Owned(repeating: Int32(0), count: 100)
            var job = unsafe UnwaitedJob(
                counts: counts.start, items: 100, isSlow: call < 4, phase: 1 + UInt32(call) * 0x3_0000)
            sizes.append(unsafe ister_team_run(team, { unsafe countWithoutWaiting($0, $1, $2) }, &job))
            #expect(counts.array.allSatisfy { $0 == 1 })
        }
        #expect(sizes.contains(1), "the team never shrank")
        #expect(sizes.last == 2, "the team never grew again")
    }
}
