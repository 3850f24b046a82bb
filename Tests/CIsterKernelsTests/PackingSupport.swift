import CIsterKernels
import Glibc
import Testing

let panelRows = 16
let formats = [ISTER_FORMAT_F32, ISTER_FORMAT_Q8, ISTER_FORMAT_Q4, ISTER_FORMAT_Q8G32, ISTER_FORMAT_Q4G32]
/// Formats with a scale per 32 columns.
let groupFormats = [ISTER_FORMAT_Q8G32, ISTER_FORMAT_Q4G32]
let columnCounts = [32, 64, 288, 576, 2560]

struct PackedPanel {
    var bytes: [UInt8]
    var squaredError: Double
    var squaredSum: Double
    var decibels: Double { 10 * log10(squaredSum / squaredError) }
}

/// A panel of 16 rows of floats, in a given format.
func pack(
    _ format: ister_format, _ rows: [Float], importance: [Float]? = nil, addedTo start: Double = 0
) -> PackedPanel {
    let columns = rows.count / panelRows
    var panel = PackedPanel(
        bytes: [UInt8](repeating: 0xEE, count: ister_panel_bytes(format, columns)), squaredError: start,
        squaredSum: start)
    unsafe panel.bytes.withUnsafeMutableBytes { bytes in
        guard let address = bytes.baseAddress else { return }
        if let importance {
            unsafe ister_pack_panel(
                format, rows, columns, importance, address, &panel.squaredError, &panel.squaredSum)
        } else {
            unsafe ister_pack_panel(format, rows, columns, nil, address, &panel.squaredError, &panel.squaredSum)
        }
    }
    return panel
}

func unpack(_ format: ister_format, _ panel: PackedPanel, columns: Int) -> [Float] {
    var values: [Float] = []
    for row in 0..<panelRows {
        var out = [Float](repeating: .nan, count: columns)
        unsafe ister_unpack_row(format, panel.bytes, columns, row, &out)
        values += out
    }
    return values
}

/// The documented layouts, read a second time: line by line, in the order of the bytes.
struct LayoutReader {
    /// The format's tables, repeated here: a changed table must fail a test.
    static let codebook: [[Int]] = [
        [-15, -12, -10, -8, -6, -4, -2, -1, 0, 1, 2, 3, 5, 7, 9, 12],
        [-14, -9, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8],
    ]
    let bytes: [UInt8]
    let columns: Int
    var position = 0
    /// Of the chunk at work.
    var start = 0
    var values: [Float]
    /// Integer weights, row-major; empty for F32.
    var weights: [Int]

    init(_ format: ister_format, _ bytes: [UInt8], columns: Int) {
        (self.bytes, self.columns) = (bytes, columns)
        values = [Float](repeating: .nan, count: panelRows * columns)
        weights = [Int](repeating: .max, count: panelRows * columns)
        for start in stride(from: 0, to: columns, by: 256) {
            let count = min(256, columns - start)
            switch format {
            case ISTER_FORMAT_F32: readF32(start, count)
            case ISTER_FORMAT_Q8: readQ8(start, count)
            case ISTER_FORMAT_Q8G32: readQ8G32(start, count)
            case ISTER_FORMAT_Q4G32: readQ4G32(start, count)
            default: readQ4(start, count)
            }
        }
    }

    mutating func words() -> [UInt32] {
        (0..<panelRows).map { _ in
            defer { position += 4 }
            return (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << (8 * UInt32($1)) }
        }
    }

    mutating func set(_ row: Int, _ column: Int, _ scale: Float, _ weight: Int) {
        weights[row * columns + column] = weight
        values[row * columns + column] = scale * Float(weight)
    }

    mutating func readF32(_ start: Int, _ count: Int) {
        for column in start..<start + count {
            for (row, word) in words().enumerated() { values[row * columns + column] = Float(bitPattern: word) }
        }
    }

    mutating func readQ8(_ start: Int, _ count: Int) {
        let scales = words().map { Float(bitPattern: $0) }
        for line in 0..<count / 4 {
            for row in 0..<panelRows {
                for i in 0..<4 {
                    set(row, start + 4 * line + i, scales[row], Int(bytes[position]) - 128)
                    position += 1
                }
            }
        }
    }

    /// [group][row], and nothing in the rest of the last line.
    mutating func groupScales(_ count: Int) -> [[Float]] {
        let scales = (0..<count / 32).map { _ in
            (0..<panelRows).map { _ in
                defer { position += 2 }
                return Float(Float16(bitPattern: UInt16(bytes[position]) | UInt16(bytes[position + 1]) << 8))
            }
        }
        while position % 64 != start % 64 {
            if bytes[position] != 0 { Issue.record("byte \(position) of the padding is not zero") }
            position += 1
        }
        return scales
    }

    mutating func readQ8G32(_ start: Int, _ count: Int) {
        self.start = position
        let scales = groupScales(count)
        for line in 0..<count / 4 {
            for row in 0..<panelRows {
                for i in 0..<4 {
                    set(row, start + 4 * line + i, scales[line / 8][row], Int(bytes[position]) - 128)
                    position += 1
                }
            }
        }
    }

    mutating func readQ4G32(_ start: Int, _ count: Int) {
        self.start = position
        let scales = groupScales(count)
        for line in 0..<count / 8 {
            for row in 0..<panelRows {
                for i in 0..<4 {
                    let column = start + line / 4 * 32 + line % 4 * 4 + i
                    set(row, column, scales[line / 4][row], Int(bytes[position] & 15) - 8)
                    set(row, column + 16, scales[line / 4][row], Int(bytes[position] >> 4) - 8)
                    position += 1
                }
            }
        }
    }

    mutating func readQ4(_ start: Int, _ count: Int) {
        let first = words()
        let subscaleWords = (0..<(count + 127) / 128).map { _ in words() }
        func place(_ row: Int, _ column: Int, _ code: UInt8) -> (Float, Int) {
            let group = column / 16
            let nibble = Int(subscaleWords[group / 8][row] >> UInt32(4 * (group % 8)) & 15)
            let table = Self.codebook[Int(first[row] >> UInt32(group) & 1)]
            let scale = Float(bitPattern: first[row] & 0xFFFF_0000)
            return (scale, (nibble < 8 ? nibble : nibble - 16) * table[Int(code)])
        }
        for line in 0..<count / 8 {
            for row in 0..<panelRows {
                for i in 0..<4 {
                    let column = line / 4 * 32 + line % 4 * 4 + i
                    let low = place(row, column, bytes[position] & 15)
                    let high = place(row, column + 16, bytes[position] >> 4)
                    set(row, start + column, low.0, low.1)
                    set(row, start + column + 16, high.0, high.1)
                    position += 1
                }
            }
        }
    }
}

extension Seeded {
    /// Standard Gaussian floats.
    mutating func gaussian(_ count: Int) -> [Float] {
        (0..<count).map { _ in
            let radius = (-2 * log(Double.random(in: 1e-300..<1, using: &self))).squareRoot()
            return Float(radius * cos(2 * Double.pi * Double.random(in: 0..<1, using: &self)))
        }
    }

    /// Laplace floats: a heavier tail than the Gaussian's.
    mutating func laplace(_ count: Int) -> [Float] {
        (0..<count).map { _ in
            let u = Double.random(in: -0.5..<0.5, using: &self)
            return Float((u < 0 ? 1 : -1) * log(max(1 - 2 * abs(u), 1e-300)))
        }
    }
}

func squaredErrors(_ a: [Float], _ b: [Float], weights: [Float]) -> Double {
    zip(a, b).enumerated().reduce(0) {
        let error = Double($1.element.0) - Double($1.element.1)
        return $0 + error * error * Double(weights[$1.offset % weights.count])
    }
}
