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
    @Option(help: "Most tokens of the text that are used.") var calibrationTokens = 65536
    @Option(help: "Tokens that the model writes by itself; 0 for none.") var ownTokens: Int?
    @Option(help: "importance: weighs errors by column. feedback: carries them on, better and slower.")
    var calibrationMethod = CalibrationMethod.feedback

    private static let ownTokensByDefault = 65536

    /// isCalibrated: by these options or by what the preset is.
    func validate(isCalibrated: Bool) throws {
        let least = CalibrationText.chunkTokens
        guard (least...1 << 24).contains(calibrationTokens) else {
            throw ValidationError(
                "--calibration-tokens is \(calibrationTokens); it must be \(least) to \(1 << 24)")
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
        (isCalibrated && preset != .f32) || preset.isCalibrated ? calibrationMethod : nil
    }

    /// nil when none is given. heldOut: most windows at its end that the calibration leaves to the certificate.
    func calibrationText(_ checkpoint: String, heldOut: Int) throws(Failure) -> CalibrationText? {
        try text.map { path throws(Failure) in
            try CalibrationText(path: path, checkpoint: checkpoint, limit: calibrationTokens, heldOut: heldOut)
        }
    }

    /// nil when nothing is asked for. text: of `calibrationText`. model: an 8-bit model of the checkpoint, made when it is needed.
    func calibration(
        _ text: CalibrationText?, progress: @escaping (Int, Int) -> Void,
        model: @escaping () throws(QuantizerError) -> SourceModel
    ) -> Calibration? {
        guard isCalibrated else { return nil }
        let source = DecoderCalibration(
            text: text, ownTokens: ownTokens ?? Self.ownTokensByDefault, progress: progress, model: model)
        return Calibration(
            source: source, method: calibrationMethod, availableBytes: Machine.availableMemory)
    }
}

extension CalibrationMethod: ExpressibleByArgument {}

/// Says how long the calibration will take, from what it took so far.
final class CalibrationClock {
    private var start: ContinuousClock.Instant?

    func label(pass: Int, of count: Int, _ done: Int, _ total: Int) -> String {
        let now = ContinuousClock.now
        if pass == 1, done == 0 { start = now }
        guard let start, total > 0 else { return "calibration" }
        let share = (Double(pass - 1) + Double(done) / Double(total)) / Double(count)
        let seconds = start.duration(to: now) / .seconds(1)
        let left = share > 0 ? decimals(seconds * (1 / share - 1), 0) + " s left" : "starting"
        return "calibration, pass \(pass) of \(count), \(left)"
    }
}
