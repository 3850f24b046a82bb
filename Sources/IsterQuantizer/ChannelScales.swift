internal import IsterModelFile

/// Factors of the columns of all matrices that read one norm's output: the columns are multiplied by them before they
/// are rounded, the norm's weights divided. The products stay as they are, but channels with large inputs get finer
/// steps of their weights, and inputs that are more alike lose less when they are rounded themselves (AWQ, Lin et al.
/// 2023).
struct ChannelScales: Sendable {
    /// [padded columns]; 1 in the padding.
    let factors: [Float]

    /// A channel beside which others are this much larger in the mean square is not shrunk further.
    private static let least: Float = 1e-4

    /// squares: mean squares of the inputs, [padded columns]. A factor is the square root of the root mean square, by
    /// that of all channels; roots alone, which are the same on every machine. nil when the text never reached the
    /// site.
    init?(squares: [Float], width: Int) {
        let mean = squares[..<width].reduce(0, +) / Float(max(width, 1))
        guard mean > 0, mean.isFinite else { return nil }
        factors = squares.enumerated().map { column, square in
            column < width ? max(square / mean, Self.least).squareRoot().squareRoot() : 1
        }
    }

    /// Mean squares of the scaled columns' inputs.
    func scaled(importance: [Float]) -> [Float] { zip(importance, factors).map { $0 / ($1 * $1) } }

    /// X^T X of the scaled columns' inputs, in place. gram: [width][width], padded.
    func scale(gram: SharedBuffer<Float>, width: Int, threads: Int) {
        let factors = factors
        ParallelWork.run(items: width, threads: threads) { row in
            for column in 0..<width {
                unsafe gram.base[row * width + column] /= factors[row] * factors[column]
            }
        }
    }
}
