/// A model file before its weights are written: everything whose size is known.
public struct ModelFileDraft: Sendable {
    public var shape: ModelShape
    /// One format a tensor, in the order of `shape.requiredTensors()`.
    public var formats: [WeightFormat]
    public var tokenizer: [UInt8]
    public var chatTemplate: String?
    public var generationDefaults: ModelHeader.GenerationDefaults
    /// Names and sizes of the source files are final; checksums may be `Digest256.unknown` until the file is finished.
    public var provenance: Provenance
    /// Leaves room for a measured quality in the certificate.
    public var isCertified: Bool

    public init(
        shape: ModelShape, formats: [WeightFormat], tokenizer: [UInt8], chatTemplate: String? = nil,
        generationDefaults: ModelHeader.GenerationDefaults, provenance: Provenance, isCertified: Bool = false
    ) {
        self.shape = shape
        self.formats = formats
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        self.generationDefaults = generationDefaults
        self.provenance = provenance
        self.isCertified = isCertified
    }

    /// The header of the file to be and the file's length, without writing anything.
    public func plan() throws(ModelFileError) -> (header: ModelHeader, fileBytes: Int) {
        do throws(ModelFileDefect) {
            let plan = try planned()
            return (plan.header, plan.fileLength)
        } catch {
            throw .badDraft(error)
        }
    }

    /// Header with all lengths and places, digests unknown, and the length in the file that is reserved for its JSON.
    func planned() throws(ModelFileDefect) -> (header: ModelHeader, headerLength: Int, fileLength: Int) {
        try shape.validate()
        try generationDefaults.validate(vocabularySize: shape.vocabularySize)
        try check("tokenizer.length", tokenizer.count, 1...FileLayout.tokenizerLimit)
        let tensors = shape.requiredTensors()
        guard formats.count == tensors.count else {
            throw .tensorCount(found: formats.count, needed: tensors.count)
        }
        var entries: [ModelHeader.TensorEntry] = []
        for (tensor, format) in zip(tensors, formats) {
            guard tensor.accepts(format) else {
                throw .tensorFormat(name: tensor.name, found: format.rawValue, needed: tensor.acceptedFormats)
            }
            entries.append(
                ModelHeader.TensorEntry(
                    name: tensor.name, format: format.rawValue, rows: tensor.rows, columns: tensor.columns,
                    offset: Int.max, length: format.byteCount(rows: tensor.rows, columns: tensor.columns),
                    sha256: Digest256.unknown))
        }
        var header = ModelHeader(
            formatVersion: ModelHeader.currentVersion, shape: shape,
            tokenizer: .init(offset: Int.max, length: tokenizer.count, sha256: Digest256.unknown),
            chatTemplate: chatTemplate, generationDefaults: generationDefaults, packing: .current, tensors: entries,
            provenance: provenance, certificate: longestCertificate(tensors))
        // Offsets and errors have their longest spelling here; shorter ones leave room that spaces fill.
        let headerLength = try HeaderCoding.encode(header).count
        if headerLength > HeaderCoding.lengthLimit {
            throw .headerTooLong(found: UInt64(headerLength), limit: HeaderCoding.lengthLimit)
        }
        let layout = FileLayout(
            headerLength: headerLength, tokenizerLength: tokenizer.count, tensorLengths: entries.map(\.length))
        header.tokenizer.offset = layout.tokenizerOffset
        for (index, offset) in layout.tensorOffsets.enumerated() { header.tensors[index].offset = offset }
        header.certificate = nil
        try header.validate(headerLength: headerLength, fileLength: layout.fileLength)
        return (header, headerLength, layout.fileLength)
    }

    /// -2.2250738585072014e-308 is as long as a double gets.
    private func longestCertificate(_ tensors: [RequiredTensor]) -> ModelHeader.Certificate {
        let errors = tensors.filter(\.isMatrix).map { ($0.name, -Double.leastNormalMagnitude) }
        return ModelHeader.Certificate(
            tensorErrors: Dictionary(errors) { first, _ in first }, quality: isCertified ? .longest : nil)
    }
}
