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
    /// Touches the whole cache at once, so that memory is not found missing, and page faults paid, while requests run; and
    /// locks it into memory where the system allows that.
    public var populatesCache = false
    /// Copies matrices into the memory of the nodes whose workers read them, where there are several. Off for a file whose
    /// weights are replaced while the decoder lives: copies would go on saying what was there before.
    public var copiesWeights = true
    /// A name of `Machine.availableInstructionSets`; nil: what `ISTER_ISA` names, else the best.
    public var instructionSet: String?

    /// nil: `Machine.memoryNodes`. Tests play machines that are not there.
    var memoryNodes: [MemoryNode]?

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
