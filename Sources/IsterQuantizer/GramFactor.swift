internal import CIsterKernels
internal import IsterModelFile

/// A site's X^T X and the Cholesky factor of its damped inverse, as error feedback needs them.
final class GramFactor: Sendable {
    /// Columns of the matrices, padded.
    let width: Int
    /// [width][width], symmetric, without damping.
    let gram: SharedBuffer<Float>
    /// [width][width], upper triangular: U with U^T U = (gram + damping)^-1.
    let inverse: SharedBuffer<Float>

    /// Parts of the mean diagonal that are added to it, in the order in which they are tried.
    private static let dampings = [0.01, 0.1, 1]

    /// nil when no damping makes the matrix positive definite: the text said nothing about this site.
    init?(gram: SharedBuffer<Float>, width: Int, threads: Int) {
        self.gram = gram
        self.width = width
        inverse = SharedBuffer(repeating: 0, count: width * width)
        var mean = 0.0
        for column in 0..<width { mean += unsafe Double(gram.base[column * (width + 1)]) / Double(width) }
        let work = SharedBuffer<Double>(repeating: 0, count: width * width)
        let isFactored = Self.dampings.contains { part in
            Self.damp(gram, width: width, by: part * mean, into: work)
            return Self.factor(work, width: width, threads: threads)
        }
        if !isFactored { return nil }
        invert(work, threads: threads)
    }

    private static func damp(
        _ gram: SharedBuffer<Float>, width: Int, by damping: Double, into work: SharedBuffer<Double>
    ) {
        for index in 0..<width * width { unsafe work.base[index] = Double(gram.base[index]) }
        for column in 0..<width { unsafe work.base[column * (width + 1)] += damping }
    }

    private static func factor(_ work: SharedBuffer<Double>, width: Int, threads: Int) -> Bool {
        let block = Int(ISTER_FACTOR_BLOCK)
        let transposed = SharedBuffer<Double>(repeating: 0, count: block * width)
        var end = width
        while end > 0 {
            let begin = max(0, end - block)
            let (first, last) = (begin, end)
            if unsafe ister_factor_diagonal(work.base, width, first, last) != 0 { return false }
            // Rows higher up have less to do; small pieces even that out.
            let step = max(block, begin / (8 * threads) / block * block)
            let items = (begin + step - 1) / step
            ParallelWork.run(items: items, threads: threads) { index in
                let rows = index * step..<min((index + 1) * step, first)
                unsafe ister_factor_rows(
                    work.base, width, first, last, rows.lowerBound, rows.upperBound, transposed.base)
            }
            ParallelWork.run(items: items, threads: threads) { index in
                let rows = index * step..<min((index + 1) * step, first)
                unsafe ister_factor_update(
                    work.base, width, first, last, rows.lowerBound, rows.upperBound, transposed.base)
            }
            end = begin
        }
        return true
    }

    private func invert(_ work: SharedBuffer<Double>, threads: Int) {
        let (width, inverse) = (width, inverse)
        let tile = WeightFormat.columnStep
        ParallelWork.run(items: width / tile, threads: threads) { index in
            let scratch = SharedBuffer<Double>(repeating: 0, count: width * tile)
            unsafe ister_factor_invert(work.base, width, index * tile, scratch.base, inverse.base)
        }
    }
}
