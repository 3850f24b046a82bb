internal import Foundation
internal import IsterCheckpoint
internal import IsterModelFile
internal import IsterTokenizer

/// Version of this program, as files record it.
public enum ToolVersion {
    public static let current = "0.1.0"
}

/// A checkpoint to a model file. The same checkpoint, preset and calibration give the same bytes on every machine and
/// for every number of threads.
public struct Conversion {
    let source: String
    let output: String
    let preset: Preset
    let threads: Int
    let replacing: Bool
    let calibration: Calibration?
    let allocation: Allocation?
    let certification: Certification?
    let texts: [String]

    /// `source`: a Hugging Face folder or a `.gguf` file. `threads`: nil for one a processor. `replacing`: an existing
    /// output is replaced, at the end and at once. `calibration`: ignored where nothing is rounded. `allocation`:
    /// formats of single matrices. `certification`: compares the file with its source before it gets its name. `texts`:
    /// paths that the output must not be, beside the source's files.
    public init(
        source: String, output: String, preset: Preset, threads: Int? = nil, replacing: Bool = false,
        calibration: Calibration? = nil, allocation: Allocation? = nil, certification: Certification? = nil,
        texts: [String] = []
    ) {
        self.source = source
        self.output = output
        self.preset = preset
        self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        self.replacing = replacing
        self.calibration = calibration
        self.allocation = allocation
        self.certification = certification
        self.texts = texts
    }

    /// Converts. After any error the output is as it was, but for one: where the last step failed, the sync of its
    /// folder, it is the new file, complete. `progress` is called on the calling thread, about ten times
    /// a second.
    @discardableResult
    public func run(
        progress: (ConversionProgress) -> Void = { _ in }
    ) throws(QuantizerError) -> ConversionReport {
        let prepared = try prepare()
        let plan = prepared.plan
        let pieces = PieceConverter(checkpoint: prepared.checkpoint, writer: prepared.writer, plan: plan)
        var bytesDone = 0
        func report(_ stage: ConversionProgress.Stage) {
            progress(ConversionProgress(stage: stage, bytesDone: bytesDone, bytesTotal: plan.bytesTotal))
        }
        do {
            var left = Array(plan.items.indices)
            if let calibration {
                let phase = CalibratedPhase(
                    calibration: calibration, pieces: pieces, plan: plan,
                    tiedHead: prepared.writer.plannedHeader.shape.tiedHead, threads: threads)
                try phase.run { stage, items in
                    bytesDone += items.reduce(0) { $0 + plan.bytes(item: $1) }
                    report(stage)
                }
                let tensors = phase.tensors
                left.removeAll { plan.tensor(item: $0).map { tensors.contains($0.index) } ?? false }
            }
            try convert(left, pieces, plan) { stage, bytes in
                bytesDone += bytes
                report(stage)
            }
        } catch {
            prepared.writer.abandon()
            throw error
        }
        return try finish(prepared, pieces)
    }

    /// The pieces that need no calibration. `progress`: gets the bytes that were converted since its last call.
    private func convert(
        _ items: [Int], _ pieces: PieceConverter, _ plan: WorkPlan,
        progress: (ConversionProgress.Stage, _ bytes: Int) -> Void
    ) throws(QuantizerError) {
        var reported = 0
        func report(_ done: Int) {
            let bytes = items[reported..<done].reduce(0) { $0 + plan.bytes(item: $1) }
            reported = done
            if done == items.count { return progress(.proving, bytes) }
            let name = plan.tensorName(item: items[done])
            progress(name.map { .converting(tensor: $0) } ?? .hashing, bytes)
        }
        try ParallelWork.run(items: items.count, threads: threads, progress: report) {
            index throws(QuantizerError) in try pieces.convert(items[index])
        }
    }

    /// A group of 8-bit weights with one large and 31 unlucky ones has a relative squared error of 31 (0.5 / 127)^2 =
    /// 5e-4; more than that in a whole tensor is the scales' fault.
    private func requireReach(_ plan: WorkPlan, _ errors: [PanelPacking.ErrorSums]) throws(QuantizerError) {
        for tensor in plan.tensors where tensor.format == .q8g32 && errors[tensor.index].ratio > 1e-3 {
            throw .weightsOutOfRange(
                path: source, tensor: tensor.target.name, relativeSquaredError: errors[tensor.index].ratio)
        }
    }

    private func finish(_ prepared: Prepared, _ pieces: PieceConverter) throws(QuantizerError) -> ConversionReport {
        var provenance = prepared.provenance
        let digests = pieces.sourceDigests()
        for index in provenance.sourceFiles.indices { provenance.sourceFiles[index].sha256 = digests[index] }
        let errors = pieces.tensorErrors()
        do throws(QuantizerError) {
            try reading(try prepared.checkpoint.requireUnchanged())
            try requireReach(prepared.plan, errors)
        } catch {
            prepared.writer.abandon()
            throw error
        }
        let matrices = prepared.plan.tensors.filter(\.target.isMatrix)
        let certificate = ModelHeader.Certificate(
            tensorErrors: Dictionary(matrices.map { ($0.target.name, errors[$0.index].ratio) }) { first, _ in first })
        let file = try writing(
            try prepared.writer.prove(provenance: provenance, certificate: certificate, threads: threads))
        var header = file.header
        do {
            header.certificate?.quality = try certification?.quality(of: file)
        } catch {
            prepared.writer.abandon()
            throw error
        }
        _ = try writing(try prepared.writer.commit(header))
        return ConversionReport(
            output: output, fileBytes: prepared.writer.fileBytes, header: header,
            bitsPerWeight: header.bitsPerWeight,
            relativeSquaredError: errors.reduce(PanelPacking.ErrorSums(), +).ratio,
            feedback: FeedbackGain(errors),
            warnings: warnings(prepared.checkpoint))
    }

    private func warnings(_ checkpoint: Checkpoint) -> [String] {
        checkpoint.unknownKeys.map { "unknown setting, taken as harmless: \($0)" }
            + checkpoint.unusedTemplates.map { "chat template that is not kept: \($0)" }
    }
}
