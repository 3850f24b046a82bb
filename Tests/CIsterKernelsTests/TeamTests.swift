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
}

private func countItems(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
    let job = unsafe context.assumingMemoryBound(to: CountingJob.self).pointee
    for phase in 0..<job.phases {
        if worker == job.slowWorker { usleep(2000) }
        while true {
            let range = unsafe ister_team_claim(team, worker, UInt32(phase + 1), job.items, 3)
            if range.begin == range.end { break }
            for item in range.begin..<range.end { unsafe job.counts[phase * job.items + item] += 1 }
        }
        unsafe ister_team_barrier(team, worker)
        // After the barrier every item of the phase is done, whoever did it.
        for item in 0..<job.items where unsafe job.counts[phase * job.items + item] != 1 {
            unsafe job.failures[worker] += 1
        }
        unsafe ister_team_barrier(team, worker)
    }
}

@Suite(.serialized) struct TeamTests {
    @Test(arguments: [1, 2, 3, 8], [0, 2000])
    func `every item is claimed once and done when the barrier opens`(workers: Int, spin: Int) {
        for items in [0, 1, 2, 7, 100, 1000] {
            let phases = 5
            var counts = [Int32](repeating: 0, count: items * phases + 1)
            var failures = [Int32](repeating: 0, count: workers)
            let team = unsafe ister_team_create(workers, spin)!
            let ran = unsafe counts.withUnsafeMutableBufferPointer { counts in
                unsafe failures.withUnsafeMutableBufferPointer { failures in
                    var job = unsafe CountingJob(
                        counts: counts.baseAddress!, items: items, phases: phases, slowWorker: workers - 1,
                        failures: failures.baseAddress!)
                    return unsafe ister_team_run(team, { unsafe countItems($0, $1, $2) }, &job)
                }
            }
            unsafe ister_team_destroy(team)
            #expect(ran >= 1 && ran <= workers)
            #expect(failures.allSatisfy { $0 == 0 })
        }
    }
}
