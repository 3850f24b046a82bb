/// Which tests a benchmark runs.
enum BenchGrid {
    /// llama-bench's order: for each setting the prompt tests, then the generation tests. A count of 0 is no test.
    static func tests(prompts: [Int], generations: [Int], depths: [Int], sequences: [Int]) -> [BenchTest] {
        depths.flatMap { depth in
            sequences.flatMap { count in
                prompts.filter { $0 > 0 }.map { BenchTest(phase: .prompt($0), depth: depth, sequences: count) }
                    + generations.filter { $0 > 0 }.map {
                        BenchTest(phase: .generation($0), depth: depth, sequences: count)
                    }
            }
        }
    }

    static let sweepDepths = [0, 512, 2048, 4096]
    static let sweepSequences = [1, 2, 4, 8, 16]
    /// Most positions that a sweep fills before a test: deep contexts of many sequences take minutes to fill and
    /// gigabytes to keep.
    static let sweepPositions = 8192

    /// Every depth that the context holds with the test's own tokens, and every number of sequences whose depths add up
    /// to `sweepPositions` at most. Prompts run one after the other, so they are measured with one sequence only.
    static func sweep(prompts: [Int], generations: [Int], contextLength: Int) -> [BenchTest] {
        sweepDepths.flatMap { depth in
            sweepSequences.filter { $0 * depth <= sweepPositions }.flatMap { count in
                let all = tests(
                    prompts: count == 1 ? prompts : [], generations: generations, depths: [depth], sequences: [count])
                return all.filter { $0.length <= contextLength || depth == 0 }
            }
        }
    }
}
