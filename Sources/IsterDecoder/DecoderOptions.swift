/// When a decoder works on copies of the file's matrices. They take about as much memory as the file; the page cache
/// gives the file's own when it is needed.
public enum WeightCopyRule: Sendable {
    /// For a file whose weights are replaced while the decoder lives: copies would go on saying what was there before.
    case never
    /// Where memory has several nodes, and room for the copies: each gets what its workers read.
    case forNodes
    /// There, and where the file lies in small pages, which are slower to read: some file systems know no others.
    /// Copying takes a moment, so this is for what runs long.
    case forNodesAndPages
}

/// How a decoder is set up. Defaults suit one user on the whole machine.
public struct DecoderOptions: Sendable {
    /// nil: `ThreadBudget` decides.
    public var threads: Int?
    /// Positions that a sequence can hold; nil: the model's context length.
    public var contextLength: Int?
    /// Sequences that are decoded side by side.
    public var sequenceCount = 1
    /// Most tokens of one forward call.
    public var batchRows = 512
    /// nil: f32 for files of floats, f16 else.
    public var cacheFormat: CacheFormat?
    /// Blocks of `Decoder.blockPositions` positions that all sequences share: keys and values lie where `assign` says.
    /// nil: each sequence owns room for its context.
    public var cacheBlockCount: Int?
    /// Touches the whole cache at once, so that memory is not found missing, and page faults paid, while requests run;
    /// and locks it into memory where the system allows that.
    public var populatesCache = false
    public var weightCopies = WeightCopyRule.forNodes
    /// A name of `Machine.availableInstructionSets`; nil: what `ISTER_ISA` names, else the best.
    public var instructionSet: String?

    /// nil: `Machine.memoryNodes`. Tests play machines that are not there.
    var memoryNodes: [MemoryNode]?
    /// nil: as the file is mapped. Tests play files in small pages.
    var hugePageFraction: Double?
    /// nil: `Machine.availableMemory`. Tests play machines that have little.
    var availableMemory: Int?
    /// Smaller files are not copied into large pages: a good part of them stays in the processor's cache.
    var leastCopiedBytes = 32 << 20

    public init() {}

    func check() throws(DecoderError) {
        let limits = [
            ("threads", threads ?? 1, 1024), ("context length", contextLength ?? 1, 1 << 24),
            ("sequence count", sequenceCount, 4096), ("batch rows", batchRows, 8192),
            ("cache block count", cacheBlockCount ?? 1, 1 << 24),
        ]
        for (name, value, most) in limits where value < 1 || value > most {
            throw .invalidOption(name: name, found: value, needed: "1 to \(most)")
        }
    }
}
