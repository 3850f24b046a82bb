internal import IsterCheckpoint
public import IsterModelFile
internal import IsterTokenizer

extension Conversion {
    /// The header and length of the file that `run` would make; nothing is written. Checksums are unknown.
    public func plan() throws(QuantizerError) -> (header: ModelHeader, fileBytes: Int) {
        let (_, draft, _) = try self.draft()
        return try writing(try draft.plan())
    }

    /// Refuses what `run` would refuse before it reads the first weight: for measurements that come before it.
    public func check() throws(QuantizerError) {
        let (checkpoint, draft, tensors) = try self.draft()
        try requireMemory(draft, tensors)
        let fileBytes = try writing(try draft.plan()).fileBytes
        try writing(
            try OutputCheck.check(output, replacing: replacing, inputs: checkpoint.sourceFiles + texts))
        try writing(try OutputCheck.requireRoomForFile(output))
        try writing(try OutputCheck.requireSpace(fileBytes, for: output))
    }

    private func requireMemory(_ draft: ModelFileDraft, _ tensors: [PlannedTensor]) throws(QuantizerError) {
        guard let calibration else { return }
        let sites = CalibratedPhase.sites(tensors, calibration.method, tiedHead: draft.shape.tiedHead)
        try calibration.requireMemory(sites.map(\.width))
    }

    /// What is known before the first weight is read.
    struct Prepared {
        let checkpoint: Checkpoint
        let plan: WorkPlan
        let provenance: Provenance
        let writer: ModelFileWriter
    }

    func prepare() throws(QuantizerError) -> Prepared {
        let (checkpoint, draft, tensors) = try self.draft()
        try requireMemory(draft, tensors)
        let writer = try writing(
            try ModelFileWriter(
                path: output, draft: draft, replacing: replacing, inputs: checkpoint.sourceFiles + texts))
        let plan = WorkPlan(tensors: tensors, sourceFileCount: checkpoint.sourceFiles.count)
        return Prepared(checkpoint: checkpoint, plan: plan, provenance: draft.provenance, writer: writer)
    }

    /// Everything about the file but its weights; writes nothing.
    private func draft() throws(QuantizerError) -> (Checkpoint, ModelFileDraft, [PlannedTensor]) {
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
        if let calibration, CalibratedPhase.sites(tensors, calibration.method, tiedHead: shape.tiedHead).isEmpty {
            throw .calibration(.nothingToRound(path: source))
        }
        let provenance = Provenance(
            toolVersion: ToolVersion.current, recipe: allocation?.name ?? preset.rawValue,
            sourceArchitecture: checkpoint.configuration.architecture.rawValue, sourceFiles: sourceFiles(checkpoint),
            unknownKeys: checkpoint.unknownKeys,
            calibration: calibration.map(Provenance.Calibration.init))
        let draft = ModelFileDraft(
            shape: shape, formats: tensors.map(\.format), tokenizer: vocabulary.encodedBytes(),
            chatTemplate: checkpoint.chatTemplate,
            generationDefaults: ModelHeader.GenerationDefaults(checkpoint.generation), provenance: provenance,
            isCertified: certification != nil)
        return (checkpoint, draft, tensors)
    }

    /// Names have no folder: a model file tells nobody's paths. Checksums come while weights are converted.
    private func sourceFiles(_ checkpoint: Checkpoint) -> [Provenance.SourceFile] {
        checkpoint.sourceFiles.enumerated().map { index, path in
            let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.index(after: $0)...]) }
            return Provenance.SourceFile(
                name: name ?? path, bytes: checkpoint.sourceBytes(index), sha256: Digest256.unknown)
        }
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
                PlannedTensor(
                    index: index, target: target,
                    format: allocation?.formats[target.name] ?? recipe.format(of: target, source: found.type),
                    source: found))
        }
        if let left = sources.keys.min() {
            throw .tensorMismatch(path: source, tensor: left, found: "it", needed: "no such tensor")
        }
        return planned
    }
}
