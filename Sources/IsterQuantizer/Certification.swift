public import IsterModelFile

/// Compares a model file with its source. The quantizer does not run models: whoever can hands it one of these.
public protocol QualityMeasurement: AnyObject {
    func quality(of file: ModelFile) throws(QuantizerError) -> ModelHeader.Quality
}

/// What a conversion does with the measured quality.
public struct Certification {
    public let measurement: any QualityMeasurement
    /// A file with a larger mean divergence is not made; nil for no limit.
    public let maximumDivergence: Double?

    public init(measurement: any QualityMeasurement, maximumDivergence: Double? = nil) {
        self.measurement = measurement
        self.maximumDivergence = maximumDivergence
    }

    /// Throws when the file is too far from its source.
    func quality(of file: ModelFile) throws(QuantizerError) -> ModelHeader.Quality {
        let quality = try measurement.quality(of: file)
        if let maximumDivergence, !(quality.meanDivergence <= maximumDivergence) {
            throw .tooFarFromSource(found: quality.meanDivergence, limit: maximumDivergence)
        }
        return quality
    }
}
