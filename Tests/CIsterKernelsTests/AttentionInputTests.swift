import CIsterKernels
import Glibc
import Testing

/// A cache of one block and one head, by default of 20 columns: the last columns fill no vector.
@safe private struct SmallCache {
    static let width = 20
    private let width: Int
    let kernels: ister_kernels
    private let keys, values: Owned<UInt32>
    let output: Owned<Float>
    private let workspace: Owned<Float>
    private let table: Owned<Int32>
    private let cache: Owned<ister_cache>

    init(_ table: Table, _ format: ister_cache_format, width: Int = Self.width) {
        self.width = width
        unsafe kernels = unsafe table.kernels
        keys = Owned(repeating: 0, count: ister_key_block_bytes(format, width) / 4)
        values = Owned(repeating: 0, count: ister_value_block_bytes(format, width) / 4)
        workspace = Owned(repeating: 0, count: ister_attention_workspace_floats(width))
        output = Owned(repeating: 0, count: width)
        self.table = Owned([0])
        unsafe cache = unsafe Owned([
            ister_cache(
                format: format, head_width: width, key_value_heads: 1, keys: keys.start, values: values.start,
                block_count: 1, table: self.table.start, table_length: 1)
        ])
    }

    func store(_ key: [Float], _ value: [Float], position: Int = 0) -> Int32 {
        unsafe kernels.store_position(cache.start, 0, position, key, value)
    }

    func attend(_ query: [Float], position: Int = 0) -> Int32 {
        let queries = Owned(query)
        return withExtendedLifetime(queries) {
            var job = unsafe ister_attention(
                cache: cache.start, key_value_head: 0, heads: 1, queries: queries.start, output: output.start,
                stride: width, position: position, tokens: 1, window: 0, scale: 1, workspace: workspace.start)
            return unsafe kernels.attend(&job)
        }
    }
}

@Suite struct AttentionInput {
    @Test(arguments: Table.vectorized + [.scalar], [ISTER_CACHE_F32, ISTER_CACHE_F16, ISTER_CACHE_Q8])
    func `a key, value or query that is not finite is reported`(table: Table, format: ister_cache_format) {
        let good = (0..<SmallCache.width).map { Float($0) - 7 }
        for bad in [Float.nan, .infinity, -.infinity] {
            for column in [0, 15, SmallCache.width - 1] {
                let cache = SmallCache(table, format)
                var broken = good
                broken[column] = bad
                #expect(cache.store(broken, good) == 1, "key, column \(column), \(bad)")
                #expect(cache.store(good, broken) == 1, "value, column \(column), \(bad)")
                #expect(cache.store(good, good) == 0)
                #expect(cache.attend(broken) == 1, "query, column \(column), \(bad)")
                #expect(cache.attend(good) == 0)
            }
        }
    }

    /// All inputs are finite. A score of NaN would lose to any other in a maximum, one of minus infinity weigh nothing.
    @Test(arguments: Table.vectorized + [.scalar], [ISTER_CACHE_F32, ISTER_CACHE_Q8])
    func `a score that overflows makes the result NaN instead of vanishing`(table: Table, format: ister_cache_format) {
        let width = 80
        let cache = SmallCache(table, format, width: width)
        var key = [Float](repeating: 0, count: width)
        let value = [Float](repeating: 1, count: width)
        #expect(cache.store(key, value) == 0)
        // Two groups of an int8 cache, which are as large and of opposite sign.
        (key[0], key[40]) = (3e38, 3e38)
        #expect(cache.store(key, value, position: 1) == 0)
        var query = [Float](repeating: 0, count: width)
        #expect(cache.attend(query, position: 1) == 0)
        #expect(cache.output.array.allSatisfy { $0 == 1 })
        (query[0], query[40]) = (-10, 10)
        #expect(cache.attend(query, position: 1) == 0)
        #expect(cache.output.array.allSatisfy { $0.isNaN })
    }

    /// Two positions whose keys differ in their last group alone, beside a first element a thousand times as large.
    @Test(arguments: Table.vectorized + [.scalar])
    func `a large element of a key takes precision from its own 32 only`(table: Table) {
        let width = 80
        func key(_ last: Float) -> [Float] {
            [1000] + Array(repeating: 0, count: 63) + Array(repeating: last, count: 16)
        }
        let query = [0.25] + Array(repeating: Float(0), count: 63) + Array(repeating: 0.25, count: 16)
        let cache = SmallCache(table, ISTER_CACHE_Q8, width: width)
        for (position, number) in [Float(-0.5), 0.5].enumerated() {
            let value = Array(repeating: number, count: width)
            #expect(cache.store(key(number), value, position: position) == 0)
        }
        #expect(cache.attend(query, position: 1) == 0)
        // Scores are 2 below and 2 above what the first element adds to both.
        let expected = (0.5 * exp(2.0) - 0.5 * exp(-2.0)) / (exp(2.0) + exp(-2.0))
        #expect(cache.output.array.allSatisfy { abs(Double($0) - expected) < 1e-3 })
    }

    @Test(arguments: Table.vectorized + [.scalar])
    func `an int8 cache keeps values of any size but takes those below 1e-30 for zero`(table: Table) {
        let cache = SmallCache(table, ISTER_CACHE_Q8)
        let zeros = [Float](repeating: 0, count: SmallCache.width)
        for (number, expected) in [(Float(0), Float(0)), (1e-38, 0), (2e-30, 2e-30), (3, 3), (3e38, 3e38)] {
            #expect(cache.store(zeros, [Float](repeating: number, count: SmallCache.width)) == 0)
            #expect(cache.attend(zeros) == 0)
            #expect(cache.output.array.allSatisfy { abs($0 - expected) <= 1e-5 * expected }, "\(number)")
        }
    }
}
