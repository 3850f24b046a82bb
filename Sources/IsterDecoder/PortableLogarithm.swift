/// ln x of a positive normal number from additions, multiplications and a division, all rounded by IEEE 754, so that
/// the last bit does not depend on a libm. Within 2 units of the last place.
/// x = 2^k m with sqrt(1/2) < m <= sqrt(2); ln m = 2 atanh(s) with s = (m - 1) / (m + 1), by its series to s^23, whose
/// remainder is below 1e-19 of the sum.
@inlinable
public func portableLogarithm(_ x: Double) -> Double {
    let bits = x.bitPattern
    var power = Double(Int(bits >> 52) - 1023)
    var mantissa = Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
    if mantissa > 1.4142135623730951 {
        mantissa *= 0.5
        power += 1
    }
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var sum = 1 / 23.0
    sum = sum * square + 1 / 21.0
    sum = sum * square + 1 / 19.0
    sum = sum * square + 1 / 17.0
    sum = sum * square + 1 / 15.0
    sum = sum * square + 1 / 13.0
    sum = sum * square + 1 / 11.0
    sum = sum * square + 1 / 9.0
    sum = sum * square + 1 / 7.0
    sum = sum * square + 1 / 5.0
    sum = sum * square + 1 / 3.0
    let rest = 2 * s * (square * sum) + power * 0x1.A39EF35793C76p-33
    // ln 2 in two parts; the upper has 21 zero bits at its end, so power * upper is exact.
    return power * 0x1.62E42FEEp-1 + (2 * s + rest)
}
