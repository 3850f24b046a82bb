import IsterDecoder
import IsterModelFile
import IsterQuantizer

/// One conversion with the measurements that belong to it. The 8-bit model of the checkpoint is made once for all.
struct QuantizeJob {
    let checkpoint: String
    let output: String
    let preset: Preset
    let replacing: Bool
    let threads: Int
    let bar = ProgressBar()
    private let model: LazySourceModel

    init(checkpoint: String, output: String, threads: ThreadBudget, preset: Preset, replacing: Bool) {
        self.checkpoint = checkpoint
        self.output = output
        self.preset = preset
        self.replacing = replacing
        self.threads = threads.count
        let count = threads.count
        model = LazySourceModel { () throws(QuantizerError) in
            try SourceModel(checkpoint: checkpoint, preset: .q8g256, output: output, threads: count)
        }
    }

    private func conversion(
        _ preset: Preset, _ allocation: Allocation? = nil, calibration: Calibration? = nil,
        certification: Certification? = nil
    ) -> Conversion {
        Conversion(
            source: checkpoint, output: output, preset: preset, threads: threads, replacing: replacing,
            calibration: calibration, allocation: allocation, certification: certification)
    }

    /// Formats for a file of `bits` per weight, by measured sensitivities.
    func allocation(bits: Double, name: String, text: CalibrationText?) throws(Failure) -> Allocation {
        defer { bar.clear() }
        return try reporting(checkpoint) {
            let model = try self.model.get()
            let tensors = model.file.header.shape.requiredTensors().filter(\.isMatrix)
            let small = Allocation(
                name: name, formats: Dictionary(tensors.map { ($0.name, WeightFormat.q4) }) { first, _ in first })
            let smallest = try conversion(.q4, small).plan()
            let weights = Double(smallest.header.parameterCount)
            let target = Int(bits / 8 * weights)
            guard target >= smallest.fileBytes else {
                throw QuantizerError.targetTooSmall(
                    bitsPerWeight: bits, smallest: 8 * Double(smallest.fileBytes) / weights)
            }
            let sensitivities = try SensitivityMeasurement(model, checkpoint: checkpoint, text: text)
                .run { bar.show(done: $0, total: $1, label: "sensitivities") }
            return Allocation(name: name, sensitivities, smallest: smallest.fileBytes, fileBytes: target) ?? small
        }
    }

    /// The allocation, or without one these presets.
    func plan(_ allocation: Allocation?, presets: [Preset]) throws(Failure) -> QuantizePlan {
        try reporting(checkpoint) {
            if let allocation {
                return try QuantizePlan([(allocation.name, conversion(.q4, allocation))])
            }
            return try QuantizePlan(presets.map { ($0.rawValue, conversion($0)) })
        }
    }

    func run(
        _ allocation: Allocation?, _ calibrationOptions: CalibrationOptions,
        _ certificationOptions: CertificationOptions
    ) throws(Failure) -> ConversionReport {
        let (bar, model, checkpoint, output, threads) = (bar, model, checkpoint, output, threads)
        let calibration = try calibrationOptions.calibration(checkpoint: checkpoint) { done, total in
            bar.show(done: done, total: total, label: "own text")
        } model: { () throws(QuantizerError) in
            try model.get()
        }
        let certification = try certificationOptions.certification(checkpoint: checkpoint) { done, total in
            bar.show(done: done, total: total, label: "comparison with the source")
        } source: { () throws(QuantizerError) in
            try SourceModel(checkpoint: checkpoint, preset: .f32, output: output, threads: threads)
        }
        let clock = CalibrationClock()
        defer { bar.clear() }
        do {
            return try conversion(preset, allocation, calibration: calibration, certification: certification).run {
                progress in
                if case .calibrating(let pass, let count, let done, let total) = progress.stage {
                    bar.show(done: done, total: total, label: clock.label(pass: pass, of: count, done, total))
                } else {
                    bar.show(done: progress.bytesDone, total: progress.bytesTotal, label: Self.label(progress.stage))
                }
            }
        } catch {
            throw Failure(error, file: checkpoint)
        }
    }

    private static func label(_ stage: ConversionProgress.Stage) -> String {
        switch stage {
        case .hashing: "checksums of the source"
        case .calibrating: "calibration"
        case .converting(let tensor): tensor
        case .proving: "reading back"
        }
    }
}
