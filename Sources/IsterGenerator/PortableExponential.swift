/// e^x for x <= 0 from additions and multiplications alone, all rounded by IEEE 754, so that the last bit does not
/// depend on a libm. Relative error below 4e-16; 0 below -708, where the result would stop being a normal number.
/// x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to r^13, whose remainder is below 5e-18.
func portableExponential(_ x: Double) -> Double {
    guard x > -708 else { return 0 }
    guard x < 0 else { return 1 }
    /// Adding and subtracting 1.5 * 2^52 rounds to the nearest integer.
    let roundingShift = 0x1.8p52
    let shifted = x * 1.4426950408889634 + roundingShift
    let power = shifted - roundingShift
    // ln 2 in two parts; the upper has 21 zero bits at its end, so power * upper is exact.
    let rest = (x - power * 0x1.62E42FEEp-1) - power * 0x1.A39EF35793C76p-33
    var sum = 1.0 / 6227020800.0
    sum = sum * rest + 1.0 / 479001600.0
    sum = sum * rest + 1.0 / 39916800.0
    sum = sum * rest + 1.0 / 3628800.0
    sum = sum * rest + 1.0 / 362880.0
    sum = sum * rest + 1.0 / 40320.0
    sum = sum * rest + 1.0 / 5040.0
    sum = sum * rest + 1.0 / 720.0
    sum = sum * rest + 1.0 / 120.0
    sum = sum * rest + 1.0 / 24.0
    sum = sum * rest + 1.0 / 6.0
    sum = sum * rest + 0.5
    sum = sum * rest + 1.0
    sum = sum * rest + 1.0
    // The low bits of `shifted` are `power` as an integer.
    let exponent = shifted.bitPattern &- roundingShift.bitPattern &+ 1023
    return sum * Double(bitPattern: exponent << 52)
}

/// The same for eight numbers at once; it gives no other bits.
@inlinable
public func portableExponential(_ x: SIMD8<Double>) -> SIMD8<Double> {
    // Adding and subtracting 1.5 * 2^52 rounds to the nearest integer.
    let shift = SIMD8<Double>(repeating: 0x1.8p52)
    let isTiny = x .< -708
    let clamped = x.replacing(with: -708, where: isTiny)
    let shifted = clamped * 1.4426950408889634 + shift
    let power = shifted - shift
    // ln 2 in two parts; the upper has 21 zero bits at its end, so power * upper is exact.
    let rest = (clamped - power * 0x1.62E42FEEp-1) - power * 0x1.A39EF35793C76p-33
    var sum = SIMD8<Double>(repeating: 1 / 6227020800.0)
    sum = sum * rest + 1 / 479001600.0
    sum = sum * rest + 1 / 39916800.0
    sum = sum * rest + 1 / 3628800.0
    sum = sum * rest + 1 / 362880.0
    sum = sum * rest + 1 / 40320.0
    sum = sum * rest + 1 / 5040.0
    sum = sum * rest + 1 / 720.0
    sum = sum * rest + 1 / 120.0
    sum = sum * rest + 1 / 24.0
    sum = sum * rest + 1 / 6.0
    sum = sum * rest + 0.5
    sum = sum * rest + 1.0
    sum = sum * rest + 1.0
    // The low bits of `shifted` are `power` as an integer; they move into the exponent.
    let bits = unsafe unsafeBitCast(shifted, to: SIMD8<UInt64>.self) &- (0x1.8p52).bitPattern &+ 1023
    let scale = unsafe unsafeBitCast(bits &<< 52, to: SIMD8<Double>.self)
    return (sum * scale).replacing(with: 0, where: isTiny)
}
