import Foundation
import Testing

@testable import IsterGenerator

/// `ISTER_SIMULATION_SEEDS=10000 swift test --filter SchedulerSimulationTests` runs the long form.
@Suite struct SchedulerSimulationTests {
    static let seedCount = ProcessInfo.processInfo.environment["ISTER_SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 500

    private func simulate(_ seed: UInt64) throws -> SchedulerSimulation {
        var simulation = SchedulerSimulation(seed: seed)
        do {
            try simulation.run()
        } catch {
            throw SchedulerInvariants.Violation(description: "seed \(seed): \(error)")
        }
        return simulation
    }

    @Test func `no seed breaks an invariant, and all paths are met`() throws {
        var counts = SimulationCounts()
        for seed in 0..<Self.seedCount { counts = try counts + simulate(seed).counts }
        #expect(counts.finished > counts.accepted / 2)
        #expect(counts.refused > 0)
        #expect(counts.preemptions > Int(Self.seedCount) / 10)
        #expect(counts.cachedTokens > Int(Self.seedCount))
        #expect(counts.released > Int(Self.seedCount))
        #expect(counts.prefixesWithoutStart > 0)
        #expect(counts.longerThanPool > Int(Self.seedCount) / 10)
        print("simulation of \(Self.seedCount) seeds: \(counts)")
    }

    @Test func `a seed replays to the same plans`() throws {
        for seed in UInt64(0)..<20 {
            #expect(try simulate(seed).digest == simulate(seed).digest)
        }
    }
}
