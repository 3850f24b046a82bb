import Foundation
import IsterModelFile
import Synchronization
import Testing

struct ParallelWorkTests {
    struct Failure: Error, Equatable {
        var item: Int
    }

    private final class Counts: Sendable {
        let values: Mutex<[Int]>
        init(_ count: Int) { values = Mutex(Array(repeating: 0, count: count)) }
        func add(_ index: Int) { values.withLock { $0[index] += 1 } }
    }

    @Test(arguments: [1, 2, 7, 100, 1_000_000]) func `every item is done once on any number of threads`(threads: Int) {
        let counts = Counts(300)
        var last = -1
        ParallelWork.run(items: 300, threads: threads, progress: { last = $0 }, { counts.add($0) })
        #expect(counts.values.withLock { $0 } == Array(repeating: 1, count: 300))
        #expect(last == 300)
    }

    @Test func `no items and no threads are no trouble`() {
        ParallelWork.run(items: 0, threads: 3) { _ in Issue.record("there is no item") }
        let counts = Counts(2)
        ParallelWork.run(items: 2, threads: 0) { counts.add($0) }
        #expect(counts.values.withLock { $0 } == [1, 1])
    }

    /// With an address space of 1 MiB more than is used no thread's stack fits.
    @Test(.timeLimit(.minutes(1))) func `without any thread the caller does the work`() async {
        await #expect(processExitsWith: .success) {
            let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            let pages = try #require(text.split(separator: " ").first.flatMap { rlim_t($0) })
            let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
            var limit = rlimit()
            try #require(unsafe getrlimit(resource, &limit) == 0)
            let used = pages * rlim_t(sysconf(Int32(_SC_PAGESIZE)))
            var tight = rlimit(rlim_cur: used + 1 << 20, rlim_max: limit.rlim_max)
            try #require(unsafe setrlimit(resource, &tight) == 0)
            let counts = Counts(300)
            let caller = pthread_self()
            var last = 0
            ParallelWork.run(items: 300, threads: 4, progress: { last = $0 }) { item in
                if pthread_equal(pthread_self(), caller) != 0 { counts.add(item) }
            }
            try #require(unsafe setrlimit(resource, &limit) == 0)
            #expect(counts.values.withLock { $0 } == Array(repeating: 1, count: 300))
            #expect(last == 300)
        }
    }

    @Test(arguments: [1, 2, 16]) func `the error is that of the lowest failing item`(threads: Int) {
        for _ in 0..<50 {
            #expect(throws: Failure(item: 20)) {
                try ParallelWork.run(items: 1000, threads: threads) { item throws(Failure) in
                    if item >= 20, item % 3 != 0 { throw Failure(item: item) }
                }
            }
        }
    }
}
