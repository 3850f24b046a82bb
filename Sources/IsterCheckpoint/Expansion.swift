// Stored weights to floats. Block layouts and formulas are GGML's; the order of operations is that of the Python
// package `gguf`, whose results these equal bit for bit. Loops run over raw pointers with wrapping arithmetic so that
// they vectorise: a checkpoint has 10^9 values and more.

/// Expands whole blocks. `bytes` holds `out.count / type.blockLength` blocks; sizes are the caller's promise.
func expand(_ bytes: UnsafeRawBufferPointer, _ type: WeightType, into out: UnsafeMutableBufferPointer<Float>) {
    guard let source = bytes.baseAddress, let target = out.baseAddress else { return }
    let blockCount = out.count / type.blockLength
    precondition(bytes.count == blockCount * type.blockBytes, "bytes and values disagree")
    switch type {
    case .f32: unsafe UnsafeMutableRawBufferPointer(out).copyMemory(from: bytes)
    case .f16: unsafe expandF16(source, target, out.count)
    case .bf16: unsafe expandBF16(source, target, out.count)
    default:
        for block in 0..<blockCount {
            let from = unsafe source + block &* type.blockBytes
            let to = unsafe target + block &* type.blockLength
            switch type {
            case .q4_0: unsafe expandQ4_0(from, to)
            case .q4_1: unsafe expandQ4_1(from, to)
            case .q5_0: unsafe expandQ5_0(from, to)
            case .q5_1: unsafe expandQ5_1(from, to)
            case .q8_0: unsafe expandQ8_0(from, to)
            case .q4K: unsafe expandQ4K(from, to)
            case .q5K: unsafe expandQ5K(from, to)
            default: unsafe expandQ6K(from, to)
            }
        }
    }
}

/// Index of the first NaN or infinity.
func firstNotFinite(in values: UnsafeBufferPointer<Float>) -> Int? {
    guard let base = values.baseAddress else { return nil }
    let exponent: UInt32 = 0x7F80_0000
    let step = 4096
    var start = 0
    while start < values.count {
        let end = min(start + step, values.count)
        var found: UInt32 = 0
        for index in start..<end {
            let bits = unsafe base[index].bitPattern & exponent
            found |= bits == exponent ? 1 : 0
        }
        if found != 0 { return (start..<end).first { unsafe !base[$0].isFinite } }
        start = end
    }
    return nil
}

/// IEEE half to single, exact. Branch-free integer form: the language's own conversion is a library call a value on
/// CPUs without the instruction. No intermediate is a subnormal single, so flush-to-zero cannot bend it.
@inline(__always)
func singleFromHalf(_ half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let magnitude = UInt32(half & 0x7FFF) << 13
    let exponent = magnitude & 0x0F80_0000
    // Exponent bias 15 to 127; a second time for infinity and NaN, whose exponent is all ones.
    let rebias: UInt32 = 112 << 23
    let normal = magnitude &+ rebias &+ (exponent == 0x0F80_0000 ? rebias : 0)
    // m * 2^-24 as (2^-14 + m * 2^-24) - 2^-14.
    let subnormal = Float(bitPattern: magnitude &+ (113 << 23)) - Float(bitPattern: 113 << 23)
    return Float(bitPattern: (exponent == 0 ? subnormal.bitPattern : normal) | sign)
}

private func expandF16(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
    for index in 0..<count {
        unsafe out[index] = singleFromHalf(source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self))
    }
}

/// The upper half of a single.
private func expandBF16(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
    for index in 0..<count {
        let upper = unsafe source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
        unsafe out[index] = Float(bitPattern: UInt32(upper) << 16)
    }
}

@inline(__always)
private func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
    unsafe singleFromHalf(source.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
}

@inline(__always)
private func byte(_ source: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    unsafe source.load(fromByteOffset: offset, as: UInt8.self)
}

// Blocks of 32: nibble i of the low halves is value i, of the high halves value 16 + i.

/// d; (q - 8) * d
private func expandQ4_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    for index in 0..<16 {
        let pair = unsafe Int32(byte(source, 2 &+ index))
        unsafe out[index] = scale * Float((pair & 15) &- 8)
        unsafe out[16 &+ index] = scale * Float((pair >> 4) &- 8)
    }
}

/// d, m; q * d + m
private func expandQ4_1(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    let minimum = unsafe half(source, 2)
    for index in 0..<16 {
        let pair = unsafe Int32(byte(source, 4 &+ index))
        unsafe out[index] = scale * Float(pair & 15) + minimum
        unsafe out[16 &+ index] = scale * Float(pair >> 4) + minimum
    }
}

/// d, 32 fifth bits; (q - 16) * d
private func expandQ5_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    let high = unsafe source.loadUnaligned(fromByteOffset: 2, as: UInt32.self)
    for index in 0..<16 {
        let pair = unsafe UInt32(byte(source, 6 &+ index))
        let low = (pair & 15) | (high &>> UInt32(truncatingIfNeeded: index) & 1) << 4
        let upper = (pair >> 4) | (high &>> UInt32(truncatingIfNeeded: index &+ 16) & 1) << 4
        unsafe out[index] = scale * Float(Int32(truncatingIfNeeded: low) &- 16)
        unsafe out[16 &+ index] = scale * Float(Int32(truncatingIfNeeded: upper) &- 16)
    }
}

/// d, m, 32 fifth bits; q * d + m
private func expandQ5_1(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    let minimum = unsafe half(source, 2)
    let high = unsafe source.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    for index in 0..<16 {
        let pair = unsafe UInt32(byte(source, 8 &+ index))
        let low = (pair & 15) | (high &>> UInt32(truncatingIfNeeded: index) & 1) << 4
        let upper = (pair >> 4) | (high &>> UInt32(truncatingIfNeeded: index &+ 16) & 1) << 4
        unsafe out[index] = scale * Float(Int32(truncatingIfNeeded: low)) + minimum
        unsafe out[16 &+ index] = scale * Float(Int32(truncatingIfNeeded: upper)) + minimum
    }
}

/// d; q * d with signed bytes
private func expandQ8_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = unsafe half(source, 0)
    for index in 0..<32 {
        let quantum = unsafe source.load(fromByteOffset: 2 &+ index, as: Int8.self)
        unsafe out[index] = Float(Int32(quantum)) * scale
    }
}

// Blocks of 256: a 16-bit scale for the block, small integer scales for parts of it.

/// Scale and minimum of the 32 values of part `part`: 6 bits each in 12 bytes, the upper two bits of parts 4 to 7
/// packed above the six of parts 0 to 3.
@inline(__always)
private func partScale(_ packed: UnsafeRawPointer, _ part: Int) -> (scale: Float, minimum: Float) {
    if part < 4 {
        return unsafe (Float(Int32(byte(packed, part) & 63)), Float(Int32(byte(packed, part &+ 4) & 63)))
    }
    let low = unsafe byte(packed, part &+ 4)
    let scale = unsafe (low & 15) | (byte(packed, part &- 4) >> 2 & 0x30)
    let minimum = unsafe (low >> 4) | (byte(packed, part) >> 2 & 0x30)
    return (Float(Int32(scale)), Float(Int32(minimum)))
}

/// d, dmin, 12 bytes of part scales, 4 times 32 bytes: low nibbles one part, high nibbles the next.
private func expandQ4K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let (blockScale, blockMinimum) = unsafe (half(source, 0), half(source, 2))
    for part in 0..<8 {
        let (scale, minimum) = unsafe partScale(source + 4, part)
        let (step, base) = (blockScale * scale, blockMinimum * minimum)
        let quanta = unsafe source + 16 + (part >> 1) &* 32
        let shift = UInt8(truncatingIfNeeded: part & 1) &* 4
        let to = unsafe out + part &* 32
        for index in 0..<32 { unsafe to[index] = step * Float(Int32(byte(quanta, index) &>> shift & 15)) - base }
    }
}

/// As Q4_K with 32 bytes of fifth bits: bit `part` of byte i belongs to value i of that part.
private func expandQ5K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let (blockScale, blockMinimum) = unsafe (half(source, 0), half(source, 2))
    for part in 0..<8 {
        let (scale, minimum) = unsafe partScale(source + 4, part)
        let (step, base) = (blockScale * scale, blockMinimum * minimum)
        let high = unsafe source + 16
        let quanta = unsafe source + 48 + (part >> 1) &* 32
        let shift = UInt8(truncatingIfNeeded: part & 1) &* 4
        let bit = UInt8(truncatingIfNeeded: part)
        let to = unsafe out + part &* 32
        for index in 0..<32 {
            let quantum = unsafe (byte(quanta, index) &>> shift & 15) | (byte(high, index) &>> bit & 1) << 4
            unsafe to[index] = step * Float(Int32(quantum)) - base
        }
    }
}

/// 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, d; (q - 32) * (d * scale). Two halves of 128
/// values; inside one, values 0-31 and 64-95 share bytes 0-31, 32-63 and 96-127 share bytes 32-63.
private func expandQ6K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let blockScale = unsafe half(source, 208)
    for part in 0..<16 {
        let step = unsafe blockScale * Float(Int32(source.load(fromByteOffset: 192 &+ part, as: Int8.self)))
        let (group, offset) = ((part >> 1) & 3, (part & 1) &* 16)
        let low = unsafe source + (part >> 3) &* 64 + (group & 1) &* 32 + offset
        let high = unsafe source + 128 + (part >> 3) &* 32 + offset
        let shift = UInt8(truncatingIfNeeded: group >> 1) &* 4
        let pair = UInt8(truncatingIfNeeded: group) &* 2
        let to = unsafe out + part &* 16
        for index in 0..<16 {
            let quantum = unsafe (byte(low, index) &>> shift & 15) | (byte(high, index) &>> pair & 3) << 4
            unsafe to[index] = step * Float(Int32(quantum) &- 32)
        }
    }
}
