/// Elementary functions from additions, multiplications and divisions alone, all rounded by IEEE 754, so that the last
/// bit of a rotary table does not depend on a libm, its version or the instructions that it chooses.
enum Portable {
    /// Adding and subtracting it rounds to the nearest integer, which the low bits then hold.
    private static let roundingShift = 0x1.8p52

    /// Cosine and sine of an angle in radians, |angle| <= 2^24, within 2 units of a double's last place. Floats beyond
    /// are more than a radian apart: there is nothing to be exact about.
    ///
    /// The angle less a multiple n of pi / 2 (Cody and Waite 1980). pi / 2 comes in parts of 27, 23 and 53 bits: n has
    /// 24, so the first two products are exact, and so are the differences, which are multiples of 2^-26 and 2^-53
    /// below 1. The third product is off by 2^-83, and no float is nearer than 2^-30 to a multiple of pi / 2 (Muller
    /// 2016). Then the Taylor series, whose remainders are below 1e-19.
    static func cosineAndSine(_ angle: Float) -> (cosine: Double, sine: Double) {
        let shifted = Double(angle) * 0.6366197723675814 + roundingShift
        let n = shifted - roundingShift
        let x = ((Double(angle) - n * 0x1.921FB54p0) - n * 0x1.10B46p-30) - n * 0x1.1A62633145C07p-54
        let square = x * x
        var sine = 1.0 / 355687428096000
        sine = sine * square - 1.0 / 1307674368000
        sine = sine * square + 1.0 / 6227020800
        sine = sine * square - 1.0 / 39916800
        sine = sine * square + 1.0 / 362880
        sine = sine * square - 1.0 / 5040
        sine = sine * square + 1.0 / 120
        sine = sine * square - 1.0 / 6
        sine = x + x * square * sine
        var cosine = -1.0 / 6402373705728000
        cosine = cosine * square + 1.0 / 20922789888000
        cosine = cosine * square - 1.0 / 87178291200
        cosine = cosine * square + 1.0 / 479001600
        cosine = cosine * square - 1.0 / 3628800
        cosine = cosine * square + 1.0 / 40320
        cosine = cosine * square - 1.0 / 720
        cosine = cosine * square + 1.0 / 24
        // What 1 - square / 2 loses is added to the small rest (fdlibm's k_cos.c).
        let head = 1 - 0.5 * square
        cosine = head + (((1 - head) - 0.5 * square) + square * square * cosine)
        return switch shifted.bitPattern & 3 {
        case 0: (cosine, sine)
        case 1: (-sine, cosine)
        case 2: (-cosine, -sine)
        default: (sine, -cosine)
        }
    }

    /// base^exponent for 1 <= base <= 1e15 and exponents up to 1; the relative error grows with the result's logarithm
    /// and is below 2e-14, a millionth of a float's.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        let x = exponent * portableLogarithm(base)
        // e^x = 2^k e^r with |r| <= ln 2 / 2; Taylor's remainder after r^13 is below 5e-18.
        let k = (x * 1.4426950408889634 + roundingShift) - roundingShift
        let rest = (x - k * upperLn2) - k * lowerLn2
        var sum = 1.0
        for n in stride(from: 13.0, through: 1, by: -1) { sum = sum * rest / n + 1 }
        return sum * Double(sign: .plus, exponent: Int(k), significand: 1)
    }

    /// ln 2 in two parts; the upper has 21 zero bits at its end, so a whole number up to 2^21 times it is exact.
    private static let upperLn2 = 0x1.62E42FEEp-1
    private static let lowerLn2 = 0x1.A39EF35793C76p-33
}
