internal import CIsterKernels
internal import IsterModelFile

/// Mean squares of the inputs of each site: the weights of a column's error.
struct ActivationStatistics: Sendable {
    /// A column that the text never used must still be stored well: least weight, as a part of the mean.
    static let floor: Float = 1e-4

    /// [site]: sums over rows of x^2, [width].
    private var sums: [CalibrationSite: [Double]] = [:]

    mutating func add(_ batch: CalibrationBatch, widths: [CalibrationSite: Int]) {
        for (site, values) in batch.inputs {
            guard let width = widths[site], width > 0 else { continue }
            var sum = sums[site] ?? Array(repeating: 0, count: width)
            for start in stride(from: 0, to: values.count / width * width, by: width) {
                for column in 0..<width {
                    let value = Double(values[start + column])
                    sum[column] += value * value
                }
            }
            sums[site] = sum
        }
    }

    /// Weights of the columns, padded with zeros; nil when the text never reached the site.
    func importance(_ site: CalibrationSite) throws(QuantizerError) -> [Float]? {
        guard let sum = sums[site] else { return nil }
        return try Self.importance(sum, site: site)
    }

    static func importance(_ sums: [Double], site: CalibrationSite) throws(QuantizerError) -> [Float]? {
        let mean = sums.reduce(0, +) / Double(max(sums.count, 1))
        guard mean.isFinite else { throw .calibration(.notFinite(site: site)) }
        if mean <= 0 { return nil }
        let padding = WeightFormat.paddedColumns(sums.count) - sums.count
        return sums.map { max(Float($0 / mean), floor) } + Array(repeating: 0, count: padding)
    }
}
