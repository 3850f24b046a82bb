internal import CIsterKernels

/// How the numbers of one tensor are stored. Raw values are the names in the file and never change; the layouts are
/// defined in `ister_formats.h`.
public enum WeightFormat: String, CaseIterable, Sendable {
    /// Matrix panels of floats.
    case f32
    /// Matrix panels, 8 bits a weight and a float scale per row and 256 columns.
    case q8
    /// Matrix panels, 4-bit codes with sub-scales.
    case q4
    /// Matrix panels, 8 bits a weight and a 16-bit float scale per row and 32 columns: holds GGML's Q8_0 exactly.
    case q8g32
    /// Matrix panels, 4-bit integers and a 16-bit float scale per row and 32 columns: holds GGML's Q4_0 exactly.
    case q4g32
    /// Norm weights and biases: plain floats in order, padded with zeros to a multiple of 32.
    case vector

    /// Rows of a panel; the rows of a matrix are padded to a multiple.
    public static let panelRows = Int(ISTER_PANEL_ROWS)
    /// Columns of a matrix and lengths of a vector are padded to a multiple.
    public static let columnStep = Int(ISTER_COLUMN_STEP)

    /// The code that the C kernels use; nil for vectors, which no matrix kernel reads.
    public var kernelFormat: UInt32? {
        switch self {
        case .f32: ISTER_FORMAT_F32.rawValue
        case .q8: ISTER_FORMAT_Q8.rawValue
        case .q4: ISTER_FORMAT_Q4.rawValue
        case .q8g32: ISTER_FORMAT_Q8G32.rawValue
        case .q4g32: ISTER_FORMAT_Q4G32.rawValue
        case .vector: nil
        }
    }

    /// Weights are integers times scales, so that activations are rounded to 8 bits.
    public var isInteger: Bool { self != .f32 && self != .vector }

    /// Columns with their padding.
    public static func paddedColumns(_ columns: Int) -> Int {
        (columns + columnStep - 1) / columnStep * columnStep
    }

    public static func panelCount(rows: Int) -> Int {
        (rows + panelRows - 1) / panelRows
    }

    /// Bytes of 16 rows; 0 for a vector. `columns` without padding, positive, at most `ModelShape.Limits.width`.
    public func panelBytes(columns: Int) -> Int {
        guard let code = kernelFormat else { return 0 }
        return Int(ister_panel_bytes(ister_format(rawValue: code), Self.paddedColumns(columns)))
    }

    /// Bytes of a whole tensor. Does not overflow within `ModelShape.Limits`: at most 2^23 rows of 2^18 floats.
    public func byteCount(rows: Int, columns: Int) -> Int {
        switch self {
        case .vector: rows * Self.paddedColumns(columns) * MemoryLayout<Float>.size
        case .f32, .q8, .q4, .q8g32, .q4g32: Self.panelCount(rows: rows) * panelBytes(columns: columns)
        }
    }
}
