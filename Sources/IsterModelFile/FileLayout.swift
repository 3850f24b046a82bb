/// Where the parts of a file stand. Lengths determine all offsets: every blob starts on a page, directly after the
/// zeros that fill the page of the part before it. So blobs cannot overlap and nothing can hide between them.
struct FileLayout: Equatable {
    /// Page size of the systems that Ister runs on; a blob can be mapped by itself.
    static let alignment = 4096

    var tokenizerOffset: Int
    var tensorOffsets: [Int]
    /// A multiple of 4096.
    var fileLength: Int

    /// Lengths are not negative and bounded by `ModelShape.Limits` and `tokenizerLimit`, so nothing here overflows.
    init(headerLength: Int, tokenizerLength: Int, tensorLengths: [Int]) {
        tokenizerOffset = Self.align(Preamble.length + headerLength)
        var end = Self.align(tokenizerOffset + tokenizerLength)
        tensorOffsets = []
        tensorOffsets.reserveCapacity(tensorLengths.count)
        for length in tensorLengths {
            tensorOffsets.append(end)
            end = Self.align(end + length)
        }
        fileLength = end
    }

    /// Bytes of the tokenizer's tables.
    static let tokenizerLimit = 1 << 30

    static func align(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}

extension ModelHeader {
    /// The smallest rule that leaves nothing to interpretation: names, shapes and order from `shape`, lengths from the
    /// formats, offsets from the lengths.
    func validate(headerLength: Int, fileLength: Int) throws(ModelFileDefect) {
        try check("formatVersion", formatVersion, Self.currentVersion...Self.currentVersion)
        guard packing == .current else { throw .packingUnknown("\(packing)") }
        try shape.validate()
        try generationDefaults.validate(vocabularySize: shape.vocabularySize)
        let lengths = try validateTensors()
        try check("tokenizer.length", tokenizer.length, 1...FileLayout.tokenizerLimit)
        let layout = FileLayout(
            headerLength: headerLength, tokenizerLength: tokenizer.length, tensorLengths: lengths)
        try validateBlob("tokenizer", tokenizer.offset, tokenizer.sha256, layout.tokenizerOffset)
        for (tensor, offset) in zip(tensors, layout.tensorOffsets) {
            try validateBlob(tensor.name, tensor.offset, tensor.sha256, offset)
        }
        if fileLength != layout.fileLength {
            throw .wrongFileLength(found: fileLength, needed: layout.fileLength)
        }
        try validateRecords()
    }

    private func validateTensors() throws(ModelFileDefect) -> [Int] {
        let needed = shape.requiredTensors()
        guard tensors.count == needed.count else {
            throw .tensorCount(found: tensors.count, needed: needed.count)
        }
        var lengths: [Int] = []
        for (index, (entry, tensor)) in zip(tensors, needed).enumerated() {
            guard entry.name.utf8.elementsEqual(tensor.name.utf8) else {
                throw .unexpectedTensor(index: index, found: entry.name, needed: tensor.name)
            }
            guard entry.rows == tensor.rows, entry.columns == tensor.columns else {
                throw .tensorShape(
                    name: tensor.name, found: [entry.rows, entry.columns], needed: [tensor.rows, tensor.columns])
            }
            guard let format = WeightFormat(rawValue: entry.format), tensor.accepts(format) else {
                throw .tensorFormat(name: tensor.name, found: entry.format, needed: tensor.acceptedFormats)
            }
            let length = format.byteCount(rows: tensor.rows, columns: tensor.columns)
            guard entry.length == length else {
                throw .blobLength(name: tensor.name, found: entry.length, needed: length)
            }
            lengths.append(length)
        }
        return lengths
    }

    private func validateBlob(
        _ name: String, _ offset: Int, _ sha256: String, _ needed: Int
    ) throws(ModelFileDefect) {
        guard offset == needed else { throw .blobOffset(name: name, found: offset, needed: needed) }
        guard Digest256.isHex(sha256) else { throw .digestMalformed(name: name, found: sha256) }
    }

    private func validateRecords() throws(ModelFileDefect) {
        for file in provenance.sourceFiles {
            try check("provenance: bytes of \(file.name)", file.bytes, 0...Int.max)
            guard Digest256.isHex(file.sha256) else { throw .digestMalformed(name: file.name, found: file.sha256) }
        }
        if let calibration = provenance.calibration { try validate(calibration) }
        guard let certificate else { return }
        try certificate.quality?.validate()
        let names = Set(tensors.map(\.name))
        for (name, ratio) in certificate.tensorErrors {
            guard names.contains(name) else { throw .headerMalformed("certificate names no tensor: \"\(name)\"") }
            try check("certificate: error of \(name)", ratio, 0...Double.greatestFiniteMagnitude)
        }
    }
}

extension ModelHeader {
    /// A text has a checksum and tokens, or neither; without a text there is the model's own.
    private func validate(_ calibration: Provenance.Calibration) throws(ModelFileDefect) {
        let least = calibration.sha256 == nil ? 0 : 1
        try check("provenance: calibration tokens", calibration.tokens, least...(least == 0 ? 0 : Int.max))
        if let sha256 = calibration.sha256, !Digest256.isHex(sha256) {
            throw .digestMalformed(name: "calibration", found: sha256)
        }
        if let own = calibration.ownTokens {
            try check("provenance: calibration ownTokens", own, 1...Int.max)
        } else if calibration.sha256 == nil {
            throw .headerMalformed("a calibration without a text")
        }
    }
}

extension RequiredTensor {
    /// Vectors are stored plainly, matrices never are.
    func accepts(_ format: WeightFormat) -> Bool { (format == .vector) != isMatrix }

    var acceptedFormats: String {
        WeightFormat.allCases.filter(accepts).map(\.rawValue).joined(separator: ", ")
    }
}
