import Testing

@testable import IsterGenerator

@Suite struct ComputeThreadTests {
    @Test func `all work runs on one thread of its own`() async throws {
        let thread = try ComputeThread()
        let identities = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<200 { group.addTask { await thread.run { currentThread() } } }
            return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect(identities.count == 1)
    }

    @Test func `an error comes back`() async throws {
        let thread = try ComputeThread()
        await #expect(throws: GenerationError.emptyPrompt) {
            try await thread.run { () throws(GenerationError) -> Int in throw .emptyPrompt }
        }
    }

    @Test func `a released thread ends its queue`() async throws {
        weak var queue: JobQueue?
        do {
            let thread = try ComputeThread()
            queue = thread.jobs
            #expect(await thread.run { 7 } == 7)
        }
        for _ in 0..<1000 where queue != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(queue == nil)
    }
}
