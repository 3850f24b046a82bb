public import ArgumentParser
import IsterDecoder
import IsterQuantizer

/// `--calibrate FILE` and what belongs to it.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibrate"),
        help: "A text like those that the model will meet: weights are rounded so that its products stay right.")
    var text: String?
    @Flag(help: "Calibrates on text that the model writes by itself; with --calibrate that is done as well.")
    var calibrateOwn = false
    @Option(
        help: """
            Most tokens of the text that are used, in chunks of \(CalibrationText.chunkTokens). (default: \(Self.defaults(.feedback).tokens); \
            \(Self.defaults(.importance).tokens) for importance)
            """)
    var calibrationTokens: Int?
    @Option(
        help: """
            Most tokens that the model writes by itself, in chunks of \(CalibrationText.chunkTokens); 0 for none. \
            (default: \(Self.defaults(.feedback).ownTokens); \
            \(Self.defaults(.importance).ownTokens) for importance)
            """)
    var ownTokens: Int?
    @Option(
        help: """
            importance: scales columns and weighs errors by column, in one pass. feedback: carries errors on as well, \
            better and slower. (default: feedback)
            """)
    var calibrationMethod: CalibrationMethod?

    private var method: CalibrationMethod { calibrationMethod ?? .feedback }
    /// Sizes of columns are known after few tokens, what pairs of them have in common is not.
    private static func defaults(_ method: CalibrationMethod) -> (tokens: Int, ownTokens: Int) {
        switch method {
        case .importance: (8192, 4096)
        case .feedback: (65536, 65536)
        }
    }

    /// preset: nil for one that the checkpoint decides. An option that would change nothing is refused.
    func validate(_ preset: QuantizePreset?) throws {
        let isCalibrated = self.isCalibrated || preset?.isCalibrated == true
        if isCalibrated, preset == .f32 {
            throw ValidationError("Floats are not rounded: --preset f32 has nothing to calibrate.")
        }
        if calibrationMethod != nil, !isCalibrated {
            throw ValidationError(
                "--calibration-method goes with --calibrate, --calibrate-own or a preset that calibrates.")
        }
        let least = CalibrationText.chunkTokens
        if let calibrationTokens {
            if text == nil { throw ValidationError("--calibration-tokens goes with --calibrate.") }
            guard (least...1 << 24).contains(calibrationTokens) else {
                throw ValidationError(
                    "--calibration-tokens is \(calibrationTokens); it must be \(least) to \(1 << 24)")
            }
        }
        guard let ownTokens else { return }
        guard ownTokens == 0 || (least...1 << 24).contains(ownTokens) else {
            throw ValidationError("--own-tokens is \(ownTokens); it must be 0 or \(least) to \(1 << 24)")
        }
        if !isCalibrated {
            throw ValidationError("--own-tokens goes with --calibrate, --calibrate-own or a preset that calibrates.")
        }
        if text == nil, ownTokens == 0 {
            throw ValidationError("--own-tokens 0 without --calibrate calibrates nothing.")
        }
    }

    /// The same, with text that the model writes by itself unless its tokens are given as 0.
    var withOwnText: Self {
        var options = self
        options.calibrateOwn = true
        return options
    }

    var isCalibrated: Bool { text != nil || calibrateOwn }

    /// How a preset's matrices are calibrated; nil for not at all.
    func method(of preset: QuantizePreset) -> CalibrationMethod? {
        (isCalibrated && preset != .f32) || preset.isCalibrated ? method : nil
    }

    /// nil when none is given. heldOut: most windows at its end that the calibration leaves to the certificate.
    func calibrationText(_ checkpoint: String, heldOut: Int) throws(Failure) -> CalibrationText? {
        try text.map { path throws(Failure) in
            try CalibrationText(
                path: path, checkpoint: checkpoint, limit: calibrationTokens ?? Self.defaults(method).tokens,
                heldOut: heldOut)
        }
    }

    /// nil when nothing is asked for. text: of `calibrationText`. model: an 8-bit model of the checkpoint, made when it
    /// is needed.
    func calibration(
        _ text: CalibrationText?, progress: @escaping (Int, Int) -> Void,
        model: @escaping () throws(QuantizerError) -> SourceModel
    ) -> Calibration? {
        guard isCalibrated else { return nil }
        let source = DecoderCalibration(
            text: text, ownTokens: ownTokens ?? Self.defaults(method).ownTokens, progress: progress, model: model)
        return Calibration(
            source: source, method: method, availableBytes: Machine.availableMemory)
    }
}

extension CalibrationMethod: ExpressibleByArgument {}
