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

    /// `source`: a Hugging Face folder or a `.gguf` file. `threads`: nil for one a processor. `replacing`: an existing
    /// output is replaced, at the end and at once. `calibration`: for presets with Q4 matrices; others ignore it.
    public init(
        source: String, output: String, preset: Preset, threads: Int? = nil, replacing: Bool = false,
        calibration: Calibration? = nil
    ) {
        self.source = source
        self.output = output
        self.preset = preset
        self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        self.replacing = replacing
        self.calibration = calibration
    }

    /// Converts. After any error the output is as it was. `progress` is called on the calling thread, about ten times
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

    /// What is known before the first weight is read.
    private struct Prepared {
        let checkpoint: Checkpoint
        let plan: WorkPlan
        let provenance: Provenance
        let writer: ModelFileWriter
    }

    private func prepare() throws(QuantizerError) -> Prepared {
        let checkpoint = try reading(try Checkpoint.open(path: source))
        let shape = ModelShape(checkpoint.configuration)
        let vocabulary = try reading(try checkpoint.vocabulary())
        if vocabulary.pieces.count > shape.vocabularySize {
            throw .vocabularyTooLarge(
                path: source, pieces: vocabulary.pieces.count, embeddingRows: shape.vocabularySize)
        }
        // A shape that no file can hold is refused before its tensors are listed.
        do { try shape.validate() } catch { throw .modelFile(.badDraft(error)) }
        let tensors = try plannedTensors(checkpoint, shape)
        var provenance = Provenance(
            toolVersion: ToolVersion.current, recipe: preset.rawValue,
            sourceArchitecture: checkpoint.configuration.architecture.rawValue, sourceFiles: [],
            unknownKeys: checkpoint.unknownKeys,
            calibration: Recipe(preset: preset, tiedHead: shape.tiedHead).isCalibrated
                ? calibration.map(Provenance.Calibration.init) : nil)
        for path in checkpoint.sourceFiles {
            provenance.sourceFiles.append(try writing(try Provenance.SourceFile.unhashed(path: path)))
        }
        let draft = ModelFileDraft(
            shape: shape, formats: tensors.map(\.format), tokenizer: vocabulary.encodedBytes(),
            chatTemplate: checkpoint.chatTemplate,
            generationDefaults: ModelHeader.GenerationDefaults(checkpoint.generation), provenance: provenance)
        let writer = try writing(
            try ModelFileWriter(path: output, draft: draft, replacing: replacing, inputs: checkpoint.sourceFiles))
        let plan = WorkPlan(tensors: tensors, sourceFileCount: checkpoint.sourceFiles.count)
        return Prepared(checkpoint: checkpoint, plan: plan, provenance: provenance, writer: writer)
    }

    /// Pairs what the file needs with what the checkpoint has; both must be used up.
    private func plannedTensors(
        _ checkpoint: Checkpoint, _ shape: ModelShape
    ) throws(QuantizerError) -> [PlannedTensor] {
        var sources = Dictionary(checkpoint.tensors.map { ($0.name, $0) }) { first, _ in first }
        let recipe = Recipe(preset: preset, tiedHead: shape.tiedHead)
        var planned: [PlannedTensor] = []
        for (index, target) in shape.requiredTensors().enumerated() {
            let name = TensorNames.huggingFace(target)
            guard let name, let found = sources.removeValue(forKey: name) else {
                throw .tensorMismatch(path: source, tensor: target.name, found: "nothing", needed: name ?? "a name")
            }
            guard found.rows == target.rows, found.columns == target.columns else {
                throw .tensorMismatch(
                    path: source, tensor: found.name, found: "\(found.shape)",
                    needed: "\(target.rows) x \(target.columns)")
            }
            planned.append(
                PlannedTensor(index: index, target: target, format: recipe.format(of: target), source: found))
        }
        if let left = sources.keys.min() {
            throw .tensorMismatch(path: source, tensor: left, found: "it", needed: "no such tensor")
        }
        return planned
    }

    private func finish(_ prepared: Prepared, _ pieces: PieceConverter) throws(QuantizerError) -> ConversionReport {
        var provenance = prepared.provenance
        let digests = pieces.sourceDigests()
        for index in provenance.sourceFiles.indices { provenance.sourceFiles[index].sha256 = digests[index] }
        let errors = pieces.tensorErrors()
        let matrices = prepared.plan.tensors.filter(\.target.isMatrix)
        let certificate = ModelHeader.Certificate(
            tensorErrors: Dictionary(matrices.map { ($0.target.name, errors[$0.index].ratio) }) { first, _ in first })
        let header = try writing(
            try prepared.writer.finish(provenance: provenance, certificate: certificate, threads: threads))
        return ConversionReport(
            output: output, fileBytes: prepared.writer.fileBytes, header: header,
            bitsPerWeight: header.bitsPerWeight,
            relativeSquaredError: errors.reduce(PanelPacking.ErrorSums(), +).ratio,
            feedback: FeedbackGain(errors),
            warnings: prepared.checkpoint.unknownKeys.map { "unknown setting, taken as harmless: \($0)" })
    }
}
