internal import CIsterKernels
internal import Glibc
internal import IsterModelFile

/// Element type of the key/value cache.
public enum CacheFormat: String, Sendable, CaseIterable {
    case f32
    case f16
    /// int8 with a scale for each position and head.
    case q8

    var code: ister_cache_format {
        switch self {
        case .f32: ISTER_CACHE_F32
        case .f16: ISTER_CACHE_F16
        case .q8: ISTER_CACHE_Q8
        }
    }
}

/// Keys and values of all sequences: per layer a pool of blocks of 16 positions, per sequence and layer a table from
/// logical to physical blocks. A layer with a window keeps a ring just long enough for the window and one batch.
@safe final class KeyValueCache {
    /// [layer][sequence]
    let views: UnsafeMutableBufferPointer<ister_cache>
    let bytes: Int
    private let memory: AnonymousMemory
    private let tables: UnsafeMutableBufferPointer<Int32>
    private let layerCount: Int
    private let keyBlockBytes: Int
    private let valueBlockBytes: Int

    /// - Parameter positions: that a sequence without a window can hold.
    init(
        _ shape: ModelShape, format: CacheFormat, sequenceCount: Int, positions: Int, batchRows: Int
    ) throws(DecoderError) {
        let rings = shape.layers.map { Self.blockCount(window: $0.window, positions: positions, batchRows: batchRows) }
        let keyBlock = shape.keyValueHeadCount * ister_key_block_bytes(format.code, shape.headWidth)
        let valueBlock = shape.keyValueHeadCount * ister_value_block_bytes(format.code, shape.headWidth)
        let blocks = rings.reduce(0, +)
        let (perSequence, overflow) = blocks.multipliedReportingOverflow(by: keyBlock + valueBlock)
        let (total, overflows) = perSequence.multipliedReportingOverflow(by: sequenceCount)
        // Block numbers are Int32.
        guard !overflow, !overflows, blocks * sequenceCount <= Int32.max else {
            throw .outOfMemory(what: "key/value cache", bytes: .max)
        }
        bytes = total
        layerCount = rings.count
        keyBlockBytes = keyBlock
        valueBlockBytes = valueBlock
        memory = try AnonymousMemory(bytes: total)
        unsafe tables = .allocate(capacity: blocks * sequenceCount)
        unsafe views = .allocate(capacity: rings.count * sequenceCount)
        var at = unsafe memory.base
        var entry = 0
        for (layer, ring) in rings.enumerated() {
            let values = unsafe at + ring * sequenceCount * keyBlock
            for sequence in 0..<sequenceCount {
                let table = unsafe tables.baseAddress! + entry
                for i in 0..<ring { unsafe table[i] = Int32(sequence * ring + i) }
                entry += ring
                unsafe views[layer * sequenceCount + sequence] = ister_cache(
                    format: format.code, head_width: shape.headWidth, key_value_heads: shape.keyValueHeadCount,
                    keys: at, values: values, table: table, table_length: ring)
            }
            unsafe at = values + ring * sequenceCount * valueBlock
        }
    }

    /// Writes zeros over all that one sequence holds in every layer. A masked position weighs 0, and 0 times what is
    /// not finite would still spoil a sum.
    func clear(sequence: Int) {
        let sequenceCount = unsafe views.count / layerCount
        for layer in 0..<layerCount {
            let view = unsafe views[layer * sequenceCount + sequence]
            let ring = unsafe view.table_length
            _ = unsafe memset(view.keys + sequence * ring * keyBlockBytes, 0, ring * keyBlockBytes)
            _ = unsafe memset(view.values + sequence * ring * valueBlockBytes, 0, ring * valueBlockBytes)
        }
    }

    deinit {
        unsafe tables.deallocate()
        unsafe views.deallocate()
    }

    /// Blocks of one sequence in one layer. A ring must hold the window before the first row of a batch and the batch,
    /// plus a block for each end that is not aligned.
    static func blockCount(window: Int?, positions: Int, batchRows: Int) -> Int {
        let all = (positions + 15) / 16
        guard let window else { return all }
        return min(all, (window + batchRows + 15) / 16 + 1)
    }
}
