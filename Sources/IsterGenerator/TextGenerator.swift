/// Runs requests of many clients at once. `Generator` is the real one; servers and their tests know only this.
public protocol TextGenerator: Sendable {
    /// Positions that one request can hold, prompt and text together.
    var contextLength: Int { get }
    var vocabularySize: Int { get }
    /// What the generator is busy with now. Any thread; does not wait for the work.
    var load: GeneratorLoad { get }

    /// Starts a request; `text` turns its ids into text. Refusals come through the stream, before `accepted`.
    func generate(_ request: GenerationRequest, text: any TextStream) -> Generation
    /// Refuses new requests from now on; those accepted go on.
    func stopAccepting()
}

/// A snapshot, and counts since the start.
public struct GeneratorLoad: Sendable, Equatable {
    public var runningCount = 0
    public var waitingCount = 0
    /// A request that comes now is refused: all places are taken and the queue is full.
    public var isFull = false
    /// Blocks of the key/value cache.
    public var blockCount = 0
    /// Blocks that no running request holds; cached prefixes may lie in them.
    public var freeBlockCount = 0
    public var stepCount = 0
    /// Rows of all steps: prompt and decoded tokens.
    public var stepRowCount = 0
    public var stepSeconds = 0.0
    public var promptTokenCount = 0
    public var cachedTokenCount = 0
    public var generatedTokenCount = 0
    /// Requests that gave their blocks to others and were resumed.
    public var preemptionCount = 0
    /// Blocks whose cached prefix was forgotten for other tokens.
    public var evictionCount = 0

    public init() {}
}

/// Bounds of what waits and runs at once.
public struct GeneratorLimits: Sendable, Equatable {
    /// Requests that are decoded together: the sequences of the decoder.
    public var runningCount: Int
    public var waitingCount = 64
    /// Tokens of all waiting prompts. Does not bound a client's only waiting one.
    public var waitingTokenCount = Int.max
    public var waitingSeconds = 60.0
    /// Running and waiting requests of one client.
    public var perClientCount = 8
    /// Most rows of one forward call while others decode, so that their next token is not long in coming.
    public var stepTokenCount = 128
    /// How long such a call should take: it gets as many rows as the last ones computed in this time, but not fewer
    /// than a few of prompts. nil: as many as `stepTokenCount` says.
    public var stepSeconds: Double?
    /// Whether finished and preempted requests leave their blocks for later ones with the same prefix.
    public var cachesPrefixes = true

    public init(runningCount: Int = 1) {
        self.runningCount = runningCount
    }
}
