internal import CIsterKernels
internal import IsterModelFile

/// Element type of the key/value cache.
public enum CacheFormat: String, Sendable, CaseIterable {
    case f32
    case f16
    /// int8; of a position and head, keys have a scale for 32 dimensions, values have one.
    case q8

    var code: ister_cache_format {
        switch self {
        case .f32: ISTER_CACHE_F32
        case .f16: ISTER_CACHE_F16
        case .q8: ISTER_CACHE_Q8
        }
    }
}

/// Keys and values of all sequences: per layer a pool of blocks of 16 positions, and tables from logical to physical
/// blocks. Either each sequence owns its part of a pool, which in a layer with a window is a ring just long enough for
/// the window and one batch; or the cache is paged: the pools are shared, one table a sequence serves all layers, and
/// its owner says which block is where.
@safe final class KeyValueCache {
    /// [layer][sequence]
    let views: UnsafeMutableBufferPointer<ister_cache>
    let bytes: Int
    /// Of a paged cache.
    let blockTables: BlockTables?
    private let memory: AnonymousMemory
    /// [layer][sequence][ring] when sequences own their blocks, else empty.
    private let ringTables: UnsafeMutableBufferPointer<Int32>
    private let layerCount: Int
    private let sequenceCount: Int

    /// - Parameter positions: that a sequence can hold.
    init(
        _ shape: ModelShape, format: CacheFormat, sequenceCount: Int, positions: Int, batchRows: Int,
        blockCount: Int? = nil
    ) throws(DecoderError) {
        let rings = shape.layers.map {
            Decoder.blocksInSight(window: $0.window, positions: positions, batchRows: batchRows)
        }
        let pools = rings.map { blockCount ?? $0 * sequenceCount }
        let keyBlock = shape.keyValueHeadCount * ister_key_block_bytes(format.code, shape.headWidth)
        let valueBlock = shape.keyValueHeadCount * ister_value_block_bytes(format.code, shape.headWidth)
        let (total, overflow) = pools.reduce(0, +).multipliedReportingOverflow(by: keyBlock + valueBlock)
        // Block numbers are Int32.
        guard !overflow, pools.allSatisfy({ $0 <= Int32.max }) else {
            throw .outOfMemory(what: "key/value cache", bytes: .max)
        }
        bytes = total
        layerCount = rings.count
        self.sequenceCount = sequenceCount
        memory = try AnonymousMemory(bytes: total)
        let length = (positions + Decoder.blockPositions - 1) / Decoder.blockPositions
        blockTables = blockCount.map { BlockTables(sequenceCount: sequenceCount, length: length, blockCount: $0) }
        unsafe ringTables = .allocate(capacity: blockTables == nil ? rings.reduce(0, +) * sequenceCount : 0)
        unsafe views = .allocate(capacity: rings.count * sequenceCount)
        var at = unsafe memory.base
        var entry = 0
        for (layer, ring) in rings.enumerated() {
            let values = unsafe at + pools[layer] * keyBlock
            for sequence in 0..<sequenceCount {
                unsafe views[layer * sequenceCount + sequence] = ister_cache(
                    format: format.code, head_width: shape.headWidth, key_value_heads: shape.keyValueHeadCount,
                    keys: at, values: values, block_count: pools[layer],
                    table: blockTables?.table(ofSequence: sequence) ?? ringTable(at: entry, ring, of: sequence),
                    table_length: blockTables?.length ?? ring)
                entry += ring
            }
            unsafe at = values + pools[layer] * valueBlock
        }
    }

    /// A sequence's blocks lie one after the other.
    private func ringTable(at entry: Int, _ ring: Int, of sequence: Int) -> UnsafeMutablePointer<Int32> {
        let table = unsafe ringTables.baseAddress! + entry
        for i in 0..<ring { unsafe table[i] = Int32(sequence * ring + i) }
        return unsafe table
    }

    deinit {
        unsafe ringTables.deallocate()
        unsafe views.deallocate()
    }

    func populate(_ team: Team) { memory.populate(team) }

    /// Writes zeros over positions of a sequence in every layer. A masked position weighs 0, and 0 times what is not
    /// finite would still spoil a sum.
    func erase(sequence: Int, positions: Range<Int>, _ kernels: UnsafePointer<ister_kernels>) {
        guard let first = unsafe views.first else { return }
        let zeros = unsafe [Float](repeating: 0, count: first.head_width)
        for layer in 0..<layerCount {
            let view = unsafe views.baseAddress! + layer * sequenceCount + sequence
            for head in 0..<(unsafe first.key_value_heads) {
                for position in positions {
                    _ = unsafe kernels.pointee.store_position(view, head, position, zeros, zeros)
                }
            }
        }
    }
}
