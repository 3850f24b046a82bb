import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer

extension QuantizeJob {
    /// Windows of the model's own text on which a loss is measured where there is no other text.
    private static let windows = 8

    /// What the file lost against its source, as the end of a sentence: by its certificate, else measured on text that
    /// the model writes by itself. The file is made, so that a loss that cannot be measured is no failure.
    func lossText(_ report: ConversionReport) -> String {
        if let quality = report.header.certificate?.quality {
            return "; mean divergence from the source \(decimals(quality.meanDivergence, 4)) nats"
        }
        defer { bar.clear() }
        do {
            let quality = try qualityOnOwnText(report.header.shape)
            return "; mean divergence from the source \(decimals(quality.meanDivergence, 4)) nats on "
                + "\(quality.positions) tokens of the model's own text"
        } catch {
            return "; how far the file is from its source could not be measured: \(error.message)"
        }
    }

    private func qualityOnOwnText(_ shape: ModelShape) throws(Failure) -> ModelHeader.Quality {
        try reporting(output) {
            let length = min(CalibrationText.chunkTokens, shape.contextLength)
            let own = try ownText(Self.windows, length: length)
            let windows = try TextWindows(tokens: own.flatMap { $0 }, contextLength: length, firstToken: nil)
            let measurement = divergence(on: windows, textDigest: "", firstWindow: nil)
            return try measurement.quality(of: ModelFile.open(path: output))
        }
    }
}
