internal import CIsterKernels
internal import IsterModelFile

/// Rows of floats to the bytes of a tensor in the file.
struct PanelPacking {
    /// Sums over the weights of some rows.
    struct ErrorSums: Equatable, Sendable {
        /// Sum of (stored - source)^2.
        var squaredError = 0.0
        /// Sum of source^2.
        var squaredSum = 0.0
        /// Squared error of the products with the calibration text's inputs: as stored, of each weight rounded by
        /// itself, and the products' own squares. 0 without error feedback.
        var outputError = 0.0
        var plainOutputError = 0.0
        var outputSum = 0.0

        static func + (left: Self, right: Self) -> Self {
            Self(
                squaredError: left.squaredError + right.squaredError,
                squaredSum: left.squaredSum + right.squaredSum,
                outputError: left.outputError + right.outputError,
                plainOutputError: left.plainOutputError + right.plainOutputError,
                outputSum: left.outputSum + right.outputSum)
        }

        /// 0 for a matrix of zeros.
        var ratio: Double { squaredSum > 0 ? squaredError / squaredSum : 0 }
    }

    /// What is known about the inputs that the matrix will meet.
    enum Weighting: Sendable {
        case none
        /// Weights of the columns' squared errors, [padded columns].
        case columns([Float])
        case feedback(GramFactor)
    }

    let format: WeightFormat
    /// Without padding.
    let columns: Int
    var weighting = Weighting.none

    /// Panels of `rows`: [count][columns], row-major. The last panel may have fewer than 16 rows.
    func panels(of rows: UnsafeBufferPointer<Float>) -> (bytes: [UInt8], errors: ErrorSums) {
        let rowCount = rows.count / columns
        let panelBytes = format.panelBytes(columns: columns)
        let count = WeightFormat.panelCount(rows: rowCount)
        var sums = ErrorSums()
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count * panelBytes) { buffer, initialized in
            for panel in 0..<count {
                let first = panel * WeightFormat.panelRows
                let last = min(first + WeightFormat.panelRows, rowCount)
                let target = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[panel * panelBytes..<(panel + 1) * panelBytes])
                unsafe pack(rows.extracting(first * columns..<last * columns), into: target, &sums)
            }
            initialized = count * panelBytes
        }
        return (bytes, sums)
    }

    /// Up to 16 rows to one panel; what is missing is zero.
    private func pack(
        _ rows: UnsafeBufferPointer<Float>, into panel: UnsafeMutableRawBufferPointer, _ sums: inout ErrorSums
    ) {
        guard let code = format.kernelFormat, let target = panel.baseAddress else { return }
        let width = WeightFormat.paddedColumns(columns)
        let padded = unsafe paddedRows(rows, width: width)
        unsafe padded.withUnsafeBufferPointer { source in
            guard let source = source.baseAddress else { return }
            switch (weighting, format) {
            case (.feedback(let factor), .q4), (.feedback(let factor), .q8), (.feedback(let factor), .q8g32),
                (.feedback(let factor), .q4g32):
                let added = unsafe packWithFeedback(ister_format(rawValue: code), source, width, factor, into: target)
                sums = sums + added
            case (.columns(let importance), _):
                unsafe importance.withUnsafeBufferPointer { importance in
                    unsafe ister_pack_panel(
                        ister_format(rawValue: code), source, width, importance.baseAddress, target,
                        &sums.squaredError, &sums.squaredSum)
                }
            case (.feedback, _), (.none, _):
                unsafe ister_pack_panel(
                    ister_format(rawValue: code), source, width, nil, target, &sums.squaredError, &sums.squaredSum)
            }
        }
    }

    private func packWithFeedback(
        _ format: ister_format, _ source: UnsafePointer<Float>, _ width: Int, _ factor: GramFactor,
        into panel: UnsafeMutableRawPointer
    ) -> ErrorSums {
        precondition(factor.width == width, "statistics of another width")
        let workspace = SharedBuffer<UInt8>(repeating: 0, count: ister_feedback_workspace(width))
        var sums = ister_feedback_sums()
        unsafe ister_pack_feedback(
            format, source, width, factor.gram.base, factor.inverse.base, workspace.base, panel, &sums)
        return ErrorSums(
            squaredError: sums.squared_error, squaredSum: sums.squared_sum, outputError: sums.weighted_error,
            plainOutputError: sums.plain_error, outputSum: sums.weighted_sum)
    }

    /// [16][width], zeros right of and below `rows`.
    private func paddedRows(_ rows: UnsafeBufferPointer<Float>, width: Int) -> [Float] {
        let count = WeightFormat.panelRows * width
        return unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe buffer.initialize(repeating: 0)
            for row in 0..<(rows.count / columns) {
                let source = rows.extracting(row * columns..<(row + 1) * columns)
                _ = unsafe buffer.extracting(row * width..<row * width + columns).update(fromContentsOf: source)
            }
            initialized = count
        }
    }

    /// A norm or bias as it is stored: floats, zeros to a multiple of 32.
    static func vector(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        let width = WeightFormat.paddedColumns(values.count)
        bytes.reserveCapacity(width * MemoryLayout<Float>.size)
        for index in 0..<width {
            let bits = index < values.count ? values[index].bitPattern : 0
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift))) }
        }
        return bytes
    }
}
