import IsterDecoder
import IsterEvaluation
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

    /// Formats for a file of a size, by measured sensitivities. What belongs to the conversion takes room in the file,
    /// too.
    func allocation(
        _ size: TargetSize, name: String, text: CalibrationText?, _ calibration: Calibration?,
        _ certification: Certification?
    ) throws(Failure) -> Allocation {
        defer { bar.clear() }
        return try reporting(checkpoint) {
            let model = try self.model.get()
            let tensors = model.file.header.shape.requiredTensors().filter(\.isMatrix)
            let small = Allocation(
                name: name, formats: Dictionary(tensors.map { ($0.name, WeightFormat.q4) }) { first, _ in first })
            let smallest = try conversion(.q4, small, calibration: calibration, certification: certification).plan()
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
            let remaining = RemainingTime()
            let sensitivities = try SensitivityMeasurement(model, checkpoint: checkpoint, text: text)
                .run { done, total in
                    let time = remaining.text(Double(done), of: Double(total))
                    bar.show(done: done, total: total, label: "sensitivities\(time)")
                }
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
    func plan(
        _ allocation: Allocation, _ options: CalibrationOptions, _ calibration: Calibration?,
        _ certification: Certification?
    ) throws(Failure) -> QuantizePlan {
        try reporting(checkpoint) {
            let (header, fileBytes) = try conversion(
                .q4, allocation, calibration: calibration, certification: certification
            ).plan()
            return QuantizePlan([
                QuantizePlan.Row(
                    name: allocation.name, nil, header, fileBytes: fileBytes, calibration: options.method(of: .q4))
            ])
        }
    }

    /// nil when nothing is asked for.
    func calibration(_ options: CalibrationOptions, _ text: CalibrationText?) -> Calibration? {
        let (bar, model, remaining) = (bar, model, RemainingTime())
        return options.calibration(text) { done, total in
            let time = remaining.text(Double(done), of: Double(total))
            bar.show(done: done, total: total, label: "own text\(time)")
        } model: { () throws(QuantizerError) in
            try model.get()
        }
    }

    /// nil when nothing is asked for or can be measured.
    func certification(
        _ options: CertificationOptions, _ text: CalibrationText?
    ) throws(Failure) -> Certification? {
        try options.certification(checkpoint: checkpoint, calibration: text) { windows, digest, first in
            divergence(on: windows, textDigest: digest, firstWindow: first)
        }
    }

    /// From the checkpoint's floats.
    func divergence(on windows: TextWindows, textDigest: String, firstWindow: Int?) -> DivergenceMeasurement {
        let (bar, checkpoint, output, threads) = (bar, checkpoint, output, threads)
        let remaining = RemainingTime()
        return DivergenceMeasurement(windows: windows, textDigest: textDigest, firstWindow: firstWindow) {
            done, total in
            let time = remaining.text(Double(done), of: Double(total))
            bar.show(done: done, total: total, label: "comparison with the source\(time)")
        } source: { () throws(QuantizerError) in
            try SourceModel(checkpoint: checkpoint, preset: .f32, output: output, threads: threads)
        }
    }

    /// `count` texts that the model writes by itself.
    func ownText(_ count: Int, length: Int) throws(QuantizerError) -> [[Int32]] {
        try model.get().ownText(count, length: length)
    }

    /// Refuses what `run` would refuse at its beginning: for sensitivities that are measured before.
    func check(_ calibration: Calibration?, _ certification: Certification?) throws(Failure) {
        try reporting(checkpoint) {
            let conversion = conversion(preset, calibration: calibration)
            try conversion.check()
            try requireSpace(conversion, calibration, certification, runsModel: true)
        }
    }

    /// Beside the file stand the model that is run for calibration and sensitivities and what a pass leaves for the
    /// next; for a certificate the source's floats come to them.
    private func requireSpace(
        _ conversion: Conversion, _ calibration: Calibration?, _ certification: Certification?, runsModel: Bool
    ) throws(QuantizerError) {
        let (header, fileBytes) = try conversion.plan()
        var bytes = fileBytes
        if certification != nil { bytes += try self.conversion(.f32).plan().fileBytes }
        if runsModel, !model.isMade { bytes += try self.conversion(.q8g256).plan().fileBytes }
        let tokens = calibration?.source.tokenCount ?? 0
        bytes += tokens * header.shape.hiddenWidth * MemoryLayout<Float>.size
        do { try OutputCheck.requireSpace(bytes, for: output) } catch { throw .modelFile(error) }
    }

    func run(
        _ allocation: Allocation?, _ calibration: Calibration?, _ certification: Certification?
    ) throws(Failure) -> ConversionReport {
        let remaining = RemainingTime()
        defer { bar.clear() }
        do {
            let conversion = conversion(
                preset, allocation, calibration: calibration, certification: certification)
            if certification != nil || calibration != nil {
                try requireSpace(conversion, calibration, certification, runsModel: calibration != nil)
            }
            return try conversion.run { progress in
                if case .calibrating(let pass, let count, let done, let total) = progress.stage {
                    let time = remaining.text(Double((pass - 1) * total + done), of: Double(count * total))
                    bar.show(done: done, total: total, label: "calibration, pass \(pass) of \(count)\(time)")
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
