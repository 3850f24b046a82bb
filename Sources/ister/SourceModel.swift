import Glibc
import IsterDecoder
import IsterEvaluation
import IsterGenerator
import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// A checkpoint as a model that can be run, for measurements during a conversion. Its file has no name while it is
/// used, so nothing is left whatever happens.
final class SourceModel {
    let file: ModelFile
    let threads: Int
    /// Of the file, for writing.
    private let descriptor: Int32

    /// output: where the converted file will be; this one stands beside it for a moment.
    init(checkpoint: String, preset: Preset, output: String, threads: Int) throws(QuantizerError) {
        let path = Self.path(output: output)
        guard !FileStatus.exists(path) || Self.isModel(path) else {
            throw .modelFile(.cannotCreate(path: path, reason: "a file that no conversion left has this name"))
        }
        try Conversion(source: checkpoint, output: path, preset: preset, threads: threads, replacing: true).run()
        defer { _ = unsafe unlink(path) }
        do { file = try ModelFile.open(path: path) } catch { throw .modelFile(error) }
        guard file.header.provenance.recipe == preset.rawValue else {
            throw .modelFile(.cannotCreate(path: output, reason: "another conversion is at it"))
        }
        descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 {
            throw .modelFile(.inputOutput(path: path, operation: "open", reason: systemMessage(errno)))
        }
        self.threads = threads
    }

    deinit { close(descriptor) }

    /// Refuses to be what a file is compared with that was made from other bytes.
    func requireSameSource(as converted: ModelFile) throws(QuantizerError) {
        let own = file.header.provenance.sourceFiles
        let other = converted.header.provenance.sourceFiles
        let changed = other.first { !own.contains($0) } ?? own.first { !other.contains($0) }
        guard let name = changed?.name else { return }
        func digest(_ files: [Provenance.SourceFile]) -> String? { files.first { $0.name == name }?.sha256 }
        throw .sourceChanged(file: name, converted: digest(other), compared: digest(own))
    }

    /// Puts other weights in a tensor's place; decoders of this file use them at once.
    func replace(_ name: String, with bytes: [UInt8]) throws(QuantizerError) {
        guard let entry = file.header.tensors.first(where: { $0.name == name }), entry.length == bytes.count else {
            throw .tensorMismatch(
                path: file.path, tensor: name, found: "\(bytes.count) bytes", needed: "as many as it has")
        }
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { source in
                unsafe pwrite(
                    descriptor, source.baseAddress.map { unsafe $0 + done }, bytes.count - done,
                    off_t(entry.offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw .modelFile(.inputOutput(path: file.path, operation: "write", reason: systemMessage(errno)))
            }
            done += count
        }
    }

    /// Hidden beside the output, and the same for each run, so that one that was killed leaves nothing that the next
    /// does not find.
    static func path(output: String) -> String {
        let place = TemporaryFile.split(output)
        return "\(place.folder)/.\(place.name).calibration"
    }

    /// What such a file is; nothing else of this name is touched, nor what a link of this name leads to.
    private static func isModel(_ path: String) -> Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        return (try? ModelFile.open(path: path)) != nil
    }

    /// For a process that ends without leaving its functions.
    static func removeOwn(output: String) {
        let path = path(output: output)
        TemporaryFile.removeOwn(target: path)
        if isModel(path) { _ = unsafe unlink(path) }
    }

    func vocabulary() throws(QuantizerError) -> Vocabulary {
        do { return try Vocabulary(encodedBytes: file.tokenizerBytes) } catch {
            throw .calibration(.model(reason: "\(error)"))
        }
    }

    func decoder(contextLength: Int, batchRows: Int, sequenceCount: Int = 1) throws(QuantizerError) -> Decoder {
        let options = options(contextLength: contextLength, batchRows: batchRows, sequenceCount: sequenceCount)
        return try running { () throws(DecoderError) in try Decoder(file, options: options) }
    }

    /// Of decoders that read the file itself, so that they see what `replace` writes.
    func options(contextLength: Int, batchRows: Int, sequenceCount: Int = 1) -> DecoderOptions {
        var options = DecoderOptions()
        options.contextLength = contextLength
        options.batchRows = batchRows
        options.sequenceCount = sequenceCount
        options.threads = threads
        options.weightCopies = .never
        return options
    }

    /// Beside the file, for as many floats.
    func scratch(count: Int) throws(QuantizerError) -> ScratchFile {
        do {
            return try ScratchFile(beside: file.path, plannedBytes: count * MemoryLayout<Float>.size)
        } catch { throw .modelFile(error) }
    }

    /// `count` chunks of text that the model writes by itself.
    func ownText(
        _ count: Int, length: Int, progress: (Int) -> Void = { _ in }
    ) throws(QuantizerError) -> [[Int32]] {
        let shape = file.header.shape
        // Keys and values of f16, at most 384 MiB of them; the texts are the same for any number of sequences.
        let bytes = 4 * shape.layerCount * shape.keyValueHeadCount * shape.headWidth * length
        let sequences = max(1, min(count, 32, (384 << 20) / max(bytes, 1)))
        let decoder = try self.decoder(contextLength: length, batchRows: sequences * 2, sequenceCount: sequences)
        let vocabulary = try self.vocabulary()
        return try running { () throws(DecoderError) in
            try OwnText(decoder, vocabulary).chunks(count, length: length, progress: progress)
        }
    }
}

/// A model that is made when it is first needed.
final class LazySourceModel {
    private let make: () throws(QuantizerError) -> SourceModel
    private var made: SourceModel?

    init(_ make: @escaping () throws(QuantizerError) -> SourceModel) { self.make = make }

    var isMade: Bool { made != nil }

    func get() throws(QuantizerError) -> SourceModel {
        if let made { return made }
        let model = try make()
        made = model
        return model
    }
}

/// A decoder's error as an error of the calibration.
func running<Value>(_ body: () throws(DecoderError) -> Value) throws(QuantizerError) -> Value {
    do { return try body() } catch { throw QuantizerError(running: error) }
}

extension QuantizerError {
    /// error: of a model that a conversion runs.
    init(running error: any Error) {
        switch error {
        case let error as QuantizerError: self = error
        case DecoderError.outOfMemory, DecoderError.threadsRefused, EvaluationError.decoder(.outOfMemory),
            EvaluationError.decoder(.threadsRefused), EvaluationError.reference(.outOfMemory),
            EvaluationError.reference(.threadsRefused):
            self = .calibration(.outOfMemory(reason: "\(error)"))
        case EvaluationError.inputOutput(let path, let reason):
            self = .modelFile(.inputOutput(path: path, operation: "read", reason: reason))
        default: self = .calibration(.model(reason: "\(error)"))
        }
    }
}
