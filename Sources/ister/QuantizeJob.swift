import IsterDecoder
import IsterModelFile
import IsterQuantizer

/// One conversion with the measurements that belong to it. The 8-bit model of the checkpoint is made once for all.
struct QuantizeJob {
    let checkpoint: String
    let output: String
    let preset: Preset
    let replacing: Bool
    /// Paths that the output must not be, beside the checkpoint's.
    let texts: [String]
    let threads: Int
    let bar = ProgressBar()
    private let model: LazySourceModel

    init(
        checkpoint: String, output: String, threads: ThreadBudget, preset: Preset, replacing: Bool, texts: [String]
    ) {
        self.checkpoint = checkpoint
        self.output = output
        self.preset = preset
        self.replacing = replacing
        self.texts = texts
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
            calibration: calibration, allocation: allocation, certification: certification, texts: texts)
    }

    /// Formats for a file of a size, by measured sensitivities.
    func allocation(_ size: TargetSize, name: String, text: CalibrationText?) throws(Failure) -> Allocation {
        defer { bar.clear() }
        return try reporting(checkpoint) {
            let model = try self.model.get()
            let tensors = model.file.header.shape.requiredTensors().filter(\.isMatrix)
            let small = Allocation(
                name: name, formats: Dictionary(tensors.map { ($0.name, WeightFormat.q4) }) { first, _ in first })
            let smallest = try conversion(.q4, small).plan()
            let parameters = smallest.header.parameterCount
            let target = try size.bytes(parameters: parameters) { preset throws(QuantizerError) in
                try conversion(preset).plan().fileBytes
            }
            guard target >= smallest.fileBytes else {
                let weights = Double(parameters)
                throw QuantizerError.targetTooSmall(
                    bitsPerWeight: size.bits ?? 8 * Double(target) / weights,
                    smallest: 8 * Double(smallest.fileBytes) / weights)
            }
            let sensitivities = try SensitivityMeasurement(model, checkpoint: checkpoint, text: text)
                .run { bar.show(done: $0, total: $1, label: "sensitivities") }
            return Allocation(name: name, sensitivities, smallest: smallest.fileBytes, fileBytes: target) ?? small
        }
    }

    /// Of presets. Where formats would have to be measured, the size alone is told.
    func plan(_ presets: [QuantizePreset], _ calibration: CalibrationOptions) throws(Failure) -> QuantizePlan {
        try reporting(checkpoint) {
            QuantizePlan(
                try presets.map { preset in
                    let method = calibration.method(of: preset)
                    let (header, fileBytes) = try conversion(preset.base).plan()
                    guard let size = preset.size else {
                        return QuantizePlan.Row(
                            name: preset.rawValue, preset, header, fileBytes: fileBytes, calibration: method)
                    }
                    let bytes = try TargetSize.between(size).bytes(parameters: header.parameterCount) {
                        preset throws(QuantizerError) in try conversion(preset).plan().fileBytes
                    }
                    return QuantizePlan.Row(
                        name: preset.rawValue, preset, header, fileBytes: bytes, calibration: method,
                        areFormatsKnown: false)
                })
        }
    }

    /// Of a file whose formats have been measured.
    func plan(_ allocation: Allocation, _ calibration: CalibrationOptions) throws(Failure) -> QuantizePlan {
        try reporting(checkpoint) {
            let (header, fileBytes) = try conversion(.q4, allocation).plan()
            return QuantizePlan([
                QuantizePlan.Row(
                    name: allocation.name, nil, header, fileBytes: fileBytes, calibration: calibration.method(of: .q4))
            ])
        }
    }

    /// nil when nothing is asked for.
    func calibration(_ options: CalibrationOptions, _ text: CalibrationText?) -> Calibration? {
        let (bar, model) = (bar, model)
        return options.calibration(text) { done, total in
            bar.show(done: done, total: total, label: "own text")
        } model: { () throws(QuantizerError) in
            try model.get()
        }
    }

    /// nil when nothing is asked for or can be measured.
    func certification(
        _ options: CertificationOptions, _ text: CalibrationText?
    ) throws(Failure) -> Certification? {
        let (bar, checkpoint, output, threads) = (bar, checkpoint, output, threads)
        return try options.certification(checkpoint: checkpoint, calibration: text) { done, total in
            bar.show(done: done, total: total, label: "comparison with the source")
        } source: { () throws(QuantizerError) in
            try SourceModel(checkpoint: checkpoint, preset: .f32, output: output, threads: threads)
        }
    }

    /// Refuses what `run` would refuse at its beginning: for sensitivities that are measured before.
    func check(_ calibration: Calibration?, _ certification: Certification?) throws(Failure) {
        try reporting(checkpoint) {
            let conversion = conversion(preset, calibration: calibration)
            try conversion.check()
            if certification != nil { try requireSpace(conversion, runsModel: true) }
        }
    }

    /// For a certificate: the source's floats are written when the file is there, beside it and the model that is run for
    /// calibration and sensitivities.
    private func requireSpace(_ conversion: Conversion, runsModel: Bool) throws(QuantizerError) {
        var bytes = try conversion.plan().fileBytes + self.conversion(.f32).plan().fileBytes
        if runsModel, !model.isMade { bytes += try self.conversion(.q8g256).plan().fileBytes }
        do { try OutputCheck.requireSpace(bytes, for: output) } catch { throw .modelFile(error) }
    }

    func run(
        _ allocation: Allocation?, _ calibration: Calibration?, _ certification: Certification?
    ) throws(Failure) -> ConversionReport {
        let clock = CalibrationClock()
        defer { bar.clear() }
        do {
            let conversion = conversion(
                preset, allocation, calibration: calibration, certification: certification)
            if certification != nil { try requireSpace(conversion, runsModel: calibration != nil) }
            return try conversion.run { progress in
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
