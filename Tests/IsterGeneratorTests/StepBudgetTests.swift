import Testing

@testable import IsterGenerator

@Suite struct StepBudgetTests {
    /// A machine on which a step takes `fixed` and `perRow` seconds.
    private struct Machine {
        var fixed = 0.01
        var perRow = 0.001

        func seconds(_ rows: Int) -> Double { fixed + perRow * Double(rows) }

        /// Rows of a step beside 8 that decode, after so many steps.
        func settledRows(_ budget: StepBudget, steps: Int = 30) -> Int {
            var budget = budget
            for _ in 0..<steps {
                let prompts = budget.promptRows(decoding: 8)
                budget.observe(decoding: 8, prompts: prompts, seconds: seconds(8 + prompts))
            }
            return 8 + budget.promptRows(decoding: 8)
        }
    }

    @Test func `without a time the rows count`() {
        let budget = StepBudget(mostRows: 128, seconds: nil)
        #expect(Machine(perRow: 1).settledRows(budget) == 128)
        #expect(budget.promptRowsAlone(batchRows: 512) == 512)
    }

    @Test(arguments: [0.0002, 0.0005, 0.001, 0.002])
    func `steps settle at the wanted time on any machine`(perRow: Double) {
        let machine = Machine(perRow: perRow)
        let rows = machine.settledRows(StepBudget(mostRows: 1000, seconds: 0.1))
        #expect(abs(machine.seconds(rows) - 0.1) < 2 * perRow)
    }

    @Test func `a machine that slows down gets fewer rows within a few steps, and its rows back later`() {
        var budget = StepBudget(mostRows: 1000, seconds: 0.1)
        func run(_ machine: Machine, steps: Int) -> Double {
            var last = 0.0
            for _ in 0..<steps {
                let prompts = budget.promptRows(decoding: 8)
                last = machine.seconds(8 + prompts)
                budget.observe(decoding: 8, prompts: prompts, seconds: last)
            }
            return last
        }
        #expect(abs(run(Machine(), steps: 30) - 0.1) < 0.002)
        #expect(run(Machine(fixed: 0.02, perRow: 0.003), steps: 8) < 0.125)
        #expect(abs(run(Machine(), steps: 30) - 0.1) < 0.002)
    }

    @Test func `the first steps are short, since nobody knows how long they take`() {
        let budget = StepBudget(mostRows: 1000, seconds: 0.1)
        #expect(budget.promptRows(decoding: 8) == 56)
        #expect(budget.promptRows(decoding: 60) == 16)
        #expect(budget.promptRowsAlone(batchRows: 512) == 64)
        #expect(StepBudget(mostRows: 20, seconds: 0.1).promptRows(decoding: 8) == 12)
    }

    @Test func `one step that was held up costs the next one a fifth of its rows at most`() {
        var budget = StepBudget(mostRows: 1000, seconds: 0.1)
        budget.observe(decoding: 8, prompts: 92, seconds: 0.1)
        budget.observe(decoding: 8, prompts: 92, seconds: 0.2)
        #expect(8 + budget.promptRows(decoding: 8) == 80)
    }

    @Test func `prompts get half of the time where decoding alone takes long, and a block's rows at least`() {
        var budget = StepBudget(mostRows: 1000, seconds: 0.1)
        budget.observe(decoding: 8, prompts: 0, seconds: 0.2)
        budget.observe(decoding: 8, prompts: 32, seconds: 0.4)
        #expect(8 + budget.promptRows(decoding: 8) == 40)
        for _ in 0..<30 { budget.observe(decoding: 8, prompts: 32, seconds: 40) }
        #expect(budget.promptRows(decoding: 8) == 16)
    }

    @Test func `a prompt that nobody decodes beside may take longer, but not for ever`() {
        var budget = StepBudget(mostRows: 100, seconds: 0.1)
        budget.observe(decoding: 0, prompts: 512, seconds: 0.512)
        #expect(budget.promptRowsAlone(batchRows: 512) == 400)
        #expect(budget.promptRowsAlone(batchRows: 300) == 300)
        #expect(budget.promptRows(decoding: 1) == 99)
    }

    @Test func `the last rows of a prompt and steps in no time teach nothing`() {
        var budget = StepBudget(mostRows: 1000, seconds: 0.1)
        budget.observe(decoding: 0, prompts: 3, seconds: 0.1)
        budget.observe(decoding: 4, prompts: 30, seconds: 0)
        #expect(budget.secondsPerRow == nil && budget.decodeSeconds == nil)
    }
}
