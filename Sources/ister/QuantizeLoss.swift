import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer

extension QuantizeJob {
    /// Windows of the model's own text on which a loss is measured where there is no other text.
    private static let windows = 8

    /// What the file lost against its source, as the end of a sentence: by its certificate, else measured on text that
    /// the model writes by itself.
    func lossText(_ report: ConversionReport) throws(Failure) -> String {
        if let quality = report.header.certificate?.quality {
            return "; mean divergence from the source \(decimals(quality.meanDivergence, 4)) nats"
        }
        defer { bar.clear() }
        let quality = try reporting(output) {
            let length = min(CalibrationText.chunkTokens, report.header.shape.contextLength)
            let own = try ownText(Self.windows, length: length)
            let windows = try TextWindows(tokens: own.flatMap { $0 }, contextLength: length, firstToken: nil)
            let measurement = divergence(on: windows, textDigest: "", firstWindow: nil)
            return try measurement.quality(of: ModelFile.open(path: output))
        }
        return "; mean divergence from the source \(decimals(quality.meanDivergence, 4)) nats on \(quality.positions) "
            + "tokens of the model's own text"
    }
}
