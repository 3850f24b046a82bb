import IsterDecoder
import IsterModelFile
import Testing

@testable import ister

@Suite struct MachineLimitsTests {
    private let limits = MachineLimits(yardsticks: Yardsticks(bandwidth: 50e9, integerPeak: 500e9))

    @Test func `the model has 1_667_235_840 weights in its layers, of 4,375 and 8,5 bits`() {
        #expect(MachineLimits.load(.q4).layerProducts == 1_667_235_840)
        #expect(MachineLimits.load(.q4).headProducts == 81_920_000)
        let head = 81_920_000 * 65 / 64
        #expect(MachineLimits.load(.q4).streamedBytes == 1_667_235_840 / 64 * 35 + head)
        #expect(MachineLimits.load(.q8g32).streamedBytes == (1_667_235_840 + 81_920_000) / 64 * 68)
    }

    @Test func `a limit is a yardstick by what a token needs of it`() {
        #expect(abs(limits.decodeLimit(.q4) * Double(MachineLimits.load(.q4).streamedBytes) - 50e9) < 1)
        let products = 512 * 1_667_235_840.0 + 81_920_000
        #expect(abs(limits.promptLimit - 512 * 500e9 / products) < 1e-9)
        #expect(limits.decodeSentence.contains("q4 of a 1.8B model cannot decode faster than 50.3 tokens/s here"))
        #expect(limits.promptSentence(isa: "avx2").contains("500 GMAC/s measured just now with avx2"))
    }

    @Test func `a throttled group is a warning and any other none`() throws {
        let some = Throttling(periods: 100, throttledPeriods: 7, seconds: 1.25)
        let warning = try #require(MachineAdvice.throttling(some, during: 0))
        #expect(warning.hasPrefix("Warning: ") && warning.contains("7 of 100 periods, for 1.3 s"))
        #expect(!warning.contains("too low"))
        #expect(try #require(MachineAdvice.throttling(some, during: 2)).contains("2 of them while"))
        #expect(MachineAdvice.throttling(Throttling(periods: 9, throttledPeriods: 0, seconds: 0), during: 0) == nil)
        #expect(MachineAdvice.throttling(nil, during: 0) == nil)
    }

    @Test func `hyperthreads are explained where there are some`() {
        let all = ProcessorCount(processors: 8, cores: 4)
        let budget = ThreadBudget.decide(requested: nil, allowed: all, online: all, quota: nil)
        #expect(MachineAdvice.threads(budget, processors: 8, cores: 4).contains("8 processors share 4 cores"))
        #expect(!MachineAdvice.threads(budget, processors: 4, cores: 4).contains("share"))
        let many = ThreadBudget.decide(requested: 9, allowed: all, online: all, quota: nil)
        #expect(MachineAdvice.threads(many, processors: 8, cores: 4).contains("Only 8 processors are there"))
    }

    @Test func `work of other processes is a warning as soon as it matters`() throws {
        #expect(MachineAdvice.otherWork(nil) == nil)
        #expect(MachineAdvice.otherWork(0.05) == nil)
        #expect(try #require(MachineAdvice.otherWork(1.26)).contains("used 1.3 processors"))
    }

    @Test func `memory nodes are explained where there are several`() throws {
        #expect(MachineAdvice.memoryNodes(1, threads: 4) == nil)
        #expect(try #require(MachineAdvice.memoryNodes(2, threads: 4)).hasPrefix("Memory has 2 nodes: "))
        #expect(try #require(MachineAdvice.memoryNodes(2, threads: 1)).contains("one thread"))
        #expect(try #require(MachineAdvice.hugePages("madvise", nodes: 1)).contains("weights"))
        #expect(!(try #require(MachineAdvice.hugePages("madvise", nodes: 2)).contains("weights")))
    }
}

@Suite struct ThrottlingTests {
    @Test func `cpu_stat of both versions of cgroups is read`() {
        let v2 = "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 90\nnr_throttled 12\nthrottled_usec 2500000\n"
        #expect(Throttling.parse(v2) == Throttling(periods: 90, throttledPeriods: 12, seconds: 2.5))
        let v1 = "nr_periods 90\nnr_throttled 12\nthrottled_time 2500000000\n"
        #expect(Throttling.parse(v1) == Throttling(periods: 90, throttledPeriods: 12, seconds: 2.5))
    }

    @Test(arguments: [
        "", "usage_usec 5\nuser_usec 3\n", "nr_periods x\nnr_throttled 3\n", "nr_periods\nnr_throttled 3",
    ])
    func `a group that counts no periods is not throttled`(text: String) {
        #expect(Throttling.parse(text) == nil)
    }
}
