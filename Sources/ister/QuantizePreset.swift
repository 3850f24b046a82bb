import ArgumentParser
import IsterQuantizer

/// What `quantize --preset` takes: a format for all matrices, or a name for what the file gives.
enum QuantizePreset: String, CaseIterable, ExpressibleByArgument {
    case f32, best, q8, q8g256, balanced, small, q4
    case imported = "import"

    init(_ preset: Preset) {
        switch preset {
        case .f32: self = .f32
        case .q8: self = .q8
        case .q8g256: self = .q8g256
        case .q4: self = .q4
        case .imported: self = .imported
        }
    }

    /// The formats that the others are a mixture of, or refine.
    var base: Preset {
        switch self {
        case .f32: .f32
        case .q8, .best: .q8
        case .q8g256: .q8g256
        case .imported: .imported
        case .q4, .small, .balanced: .q4
        }
    }

    /// Where the file's size lies between that of q4, 0, and that of q8g256, 1; nil for one format all over.
    var size: Double? {
        switch self {
        case .small: 0
        case .balanced: 0.25
        default: nil
        }
    }

    /// Whether rounding follows the inputs that matrices meet, also without `--calibrate` or `--calibrate-own`.
    var isCalibrated: Bool { self == .small || self == .balanced || self == .best }

    /// For a person, in a line.
    var summary: String {
        switch self {
        case .f32: "the weights as they are, for comparisons"
        case .best: "8.5 bits, calibrated"
        case .q8: "8.5 bits, in a moment"
        case .q8g256: "8.1 bits, in a moment"
        case .balanced: "a quarter of the way from q4's size to q8g256's, where it helps most; calibrated"
        case .small: "q4's size, its 8-bit matrices where they help most; calibrated"
        case .q4: "4.4 bits, the head 8.1, in a moment"
        case .imported: "what a .gguf file has in Q8_0 and Q4_0 bit for bit, 8.5 bits for all else"
        }
    }

    /// Mean divergence in nats from the floats of SmolLM2-135M, dithered, on WikiText: of README's table, that
    /// `Tools/quality-table` prints. A larger model loses less.
    var measuredDivergence: Double? {
        switch self {
        case .f32: 0
        case .q8: 0.0047
        case .q8g256: 0.0066
        case .best, .balanced, .small, .imported: nil
        case .q4: 0.1686
        }
    }
}

/// The size that matrices of 4 and 8 bits are to fill.
enum TargetSize {
    /// Bits per weight of the whole file.
    case bits(Double)
    /// From that of q4, 0, to that of q8g256, 1.
    case between(Double)

    /// As they were asked for.
    var bits: Double? {
        if case .bits(let bits) = self { bits } else { nil }
    }

    /// In bytes. fileBytes: those of a preset's file.
    func bytes(
        parameters: Int, fileBytes: (Preset) throws(QuantizerError) -> Int
    ) throws(QuantizerError) -> Int {
        switch self {
        case .bits(let bits): return Int(bits / 8 * Double(parameters))
        case .between(let share):
            let (least, most) = (try fileBytes(.q4), try fileBytes(.q8g256))
            return least + Int(share * Double(most - least))
        }
    }
}
