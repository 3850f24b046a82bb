import Foundation
import IsterModelFile
import Testing

@testable import IsterDecoder

/// Against the libm of the machine that runs the tests.
@Suite struct PortableFunctionTests {
    private static let thetas = [10000.0, 100_000, 500_000]
    private static let widths = [32, 64, 80, 128]

    private static func frequencies(_ theta: Double, _ width: Int) -> [Float] {
        ModelShape.Rotary(theta: theta, scaling: .none).frequencies(headWidth: width)
    }

    @Test func `frequencies are those of a libm`() {
        for theta in Self.thetas + [2, 1e6, 1e15] {
            for width in Self.widths {
                let expected = (0..<width / 2).map { 1 / Float(pow(theta, Double(Float(2 * $0) / Float(width)))) }
                #expect(Self.frequencies(theta, width) == expected, "\(theta), \(width)")
            }
        }
    }

    @Test(arguments: thetas)
    func `tables are those of a libm but for a few last bits in a million`(theta: Double) throws {
        var (count, different) = (0, 0)
        for width in Self.widths {
            let table = try RotaryTable(
                ModelShape.Rotary(theta: theta, scaling: .none), headWidth: width, positions: 16384)
            table.extend(to: 16384)
            let frequencies = Self.frequencies(theta, width)
            // Every second position of the widest heads' table, fewer of the others.
            for position in stride(from: 0, to: 16384, by: width == 128 ? 2 : 7) {
                for (i, frequency) in frequencies.enumerated() {
                    let angle = Double(Float(position) * frequency)
                    let at = position * table.half + i
                    if unsafe table.cosines[at] != Float(cos(angle)) { different += 1 }
                    if unsafe table.sines[at] != Float(sin(angle)) { different += 1 }
                    count += 2
                }
            }
        }
        #expect(count > 1_000_000)
        #expect(different <= 4, "\(different) of \(count)")
    }

    @Test func `cosine and sine are exact to 2 units of a double's last place up to 2^24`() {
        var angles: [Float] = [0, 0x1p-149, 1e-20, 0.7853981, 0.7853982, 1.5707963, 1.5707964, 3.1415927, 0x1p24]
        // Neighbours of multiples of pi / 2, where most is cancelled, and angles of all sizes.
        for n in stride(from: 1.0, to: 10_000_000, by: 9973) { angles.append(Float(n * .pi / 2)) }
        for i in 0..<20_000 { angles.append(Float(exp2(Double(i) / 20_000 * 60 - 36))) }
        for angle in angles.flatMap({ [$0, -$0] }) {
            let (cosine, sine) = Portable.cosineAndSine(angle)
            let expected = (cos(Double(angle)), sin(Double(angle)))
            #expect(abs(cosine - expected.0) <= 2 * expected.0.ulp, "cos \(angle)")
            #expect(abs(sine - expected.1) <= 2 * expected.1.ulp, "sin \(angle)")
        }
    }

    @Test func `the logarithm is within two units of the last place of libm's`() {
        func check(_ x: Double) {
            let wanted = log(x)
            #expect(abs(portableLogarithm(x) - wanted) <= 2 * wanted.ulp, "\(x)")
        }
        for i in 1...50_000 {
            let mantissa = 1 + Double(i) / 50_001
            for factor in [1, 0.5, 1e5, 1e300, 1e-300] { check(mantissa * factor) }
        }
        for distance in [1e-15, 1e-9, 1e-3] {
            check(1 - distance)
            check(1 + distance)
        }
        #expect(portableLogarithm(1) == 0)
        #expect(portableLogarithm(2) == log(2))
    }

    @Test func `the logarithm's bits are fixed`() {
        // From this implementation; a change means other log probabilities and rotary tables than in earlier versions.
        #expect(portableLogarithm(3).bitPattern == 0x3FF1_93EA_7AAD_030B)
        #expect(portableLogarithm(49152.5).bitPattern == 0x4025_9AF9_43C5_76A1)
    }

    @Test func `the power is as exact as it says`() {
        for base in [1.0, 2, 3, 10000, 123_456.7, 5e8, 1e15] {
            for i in 0...1000 {
                let expected = pow(base, Double(i) / 1000)
                #expect(abs(Portable.power(base, Double(i) / 1000) - expected) <= 2e-14 * expected, "\(base)^\(i)")
            }
        }
    }

    /// The same number on every machine: FNV-1a over the tables' bits.
    @Test func `tables have the same bits everywhere`() throws {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for theta in Self.thetas {
            let yarn = ModelShape.Scaling.yarn(
                factor: 4, betaFast: 32, betaSlow: 1, originalContext: 4096, attentionFactor: nil, truncate: true)
            let table = try RotaryTable(
                ModelShape.Rotary(theta: theta, scaling: yarn), headWidth: 80, positions: 4096)
            table.extend(to: 4096)
            for at in 0..<4096 * 40 {
                for value in unsafe [table.cosines[at], table.sines[at]] {
                    hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01B3
                }
            }
        }
        #expect(hash == 9_444_278_038_286_215_539)
    }
}
