import Testing

@testable import IsterGenerator

@Suite struct BlockPoolTests {
    let client = CachePartition.client("a")

    /// A pool that has computed `tokens` and holds nothing any more.
    private func pool(_ blockCount: Int, _ texts: [[Int32]]) -> BlockPool {
        var pool = BlockPool(blockCount: blockCount, cachesPrefixes: true)
        for text in texts { compute(text, &pool) }
        return pool
    }

    private func compute(_ tokens: [Int32], _ pool: inout BlockPool) {
        var blocks = pool.cached(tokens, partition: client, most: tokens.count / 16)
        pool.hold(blocks)
        let first = blocks.count
        for index in first..<tokens.count / 16 {
            guard let block = pool.take() else { return }
            blocks.append(block)
            #expect(!pool.share(&blocks, index, tokens: tokens, partition: client))
        }
        pool.release(blocks)
    }

    private func text(_ parts: Int32...) -> [Int32] { parts.flatMap { Array(repeating: $0, count: 16) } }

    private func cachedCount(_ tokens: [Int32], _ pool: BlockPool, _ partition: CachePartition? = nil) -> Int {
        pool.cached(tokens, partition: partition ?? client, most: tokens.count / 16).count
    }

    @Test func `a prefix is found up to the first different token`() {
        let pool = pool(8, [text(1, 2, 3)])
        #expect(cachedCount(text(1, 2, 3, 4), pool) == 3)
        #expect(cachedCount(text(1, 2) + [3, 3, 3], pool) == 2)
        var other = text(1, 2, 3)
        other[31] = 9
        #expect(cachedCount(other, pool) == 1)
        #expect(cachedCount(text(2, 3), pool) == 0)
    }

    @Test func `partitions do not see each other`() {
        let pool = pool(8, [text(1, 2)])
        #expect(cachedCount(text(1, 2), pool, .client("b")) == 0)
        #expect(cachedCount(text(1, 2), pool, .named("a")) == 0)
    }

    @Test func `the least recently used end goes first and a prefix outlives its ends`() {
        var pool = pool(4, [text(1, 2), text(1, 3), text(4)])
        #expect(pool.unusedCount == 0)
        #expect(pool.take() != nil)
        #expect(cachedCount(text(1, 2), pool) == 1)
        #expect(cachedCount(text(1, 3), pool) == 2)
        #expect(pool.take() != nil)
        #expect(cachedCount(text(1, 3), pool) == 1)
        #expect(pool.take() != nil)
        #expect(cachedCount(text(1, 3), pool) == 0)
        #expect(cachedCount(text(4), pool) == 1)
        #expect(pool.cache.evictionCount == 3)
    }

    @Test func `a held block is never taken`() {
        var pool = pool(2, [text(1)])
        let held = pool.cached(text(1), partition: client, most: 1)
        pool.hold(held)
        #expect(pool.availableCount == 1)
        let taken = pool.take()
        #expect(taken != nil && taken != held.first)
        #expect(pool.take() == nil)
    }

    @Test func `two that computed the same keep one block`() {
        var pool = BlockPool(blockCount: 2, cachesPrefixes: true)
        var first = [pool.take() ?? -1]
        var second = [pool.take() ?? -1]
        #expect(!pool.share(&first, 0, tokens: text(1), partition: client))
        #expect(pool.share(&second, 0, tokens: text(1), partition: client))
        #expect(first == second)
        #expect(pool.availableCount == 1)
    }

    @Test func `held again and again, the heap of idle blocks stays small`() {
        var pool = pool(4, [text(1, 2)])
        for _ in 0..<1000 { compute(text(1, 2), &pool) }
        #expect(pool.availableCount == 4)
        #expect(pool.cache.idleCandidateCount < 100)
    }
}
