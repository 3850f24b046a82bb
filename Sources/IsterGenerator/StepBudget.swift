/// How many rows a step may have, so that whoever reads a stream waits about equally long for each token, whatever
/// prompts arrive meanwhile. What a row takes is learnt from the steps themselves: it depends on the model, the machine
/// and who else uses it.
struct StepBudget: Sendable {
    /// Most rows while sequences decode, whatever the time.
    let mostRows: Int
    /// How long a step with prompts should take; nil: rows alone count.
    let seconds: Double?
    /// Of a row in steps with prompts; nil before the first.
    private(set) var secondsPerRow: Double?
    /// Of a step that only decodes; nil before the first.
    private(set) var decodeSeconds: Double?

    /// A prompt gets at least a block's rows: fewer would hardly be faster, since a step reads all weights anyway.
    static let leastPromptRows = PrefixCache.blockLength
    /// Rows of the first step with prompts, of which nobody knows how long it takes.
    private static let firstRows = 64
    /// A prompt that nobody has to wait for: longer steps are faster, but who comes now waits for the end of this one.
    private static let aloneFactor = 4.0
    /// Weight of the newest step. A single slow one must not count much, the growth of a context must.
    private static let weight = 0.25

    init(mostRows: Int, seconds: Double?) {
        self.mostRows = mostRows
        self.seconds = seconds
    }

    /// Rows of all prompts in a step beside `decoding` rows; at least one, or decoding would stop all prompts.
    func promptRows(decoding: Int) -> Int {
        let most = max(mostRows - decoding, 1)
        guard let seconds else { return most }
        guard let secondsPerRow else { return min(max(Self.firstRows - decoding, Self.leastPromptRows), most) }
        // Prompts get at least half of the time, or they would stand still on machines that decode slowly.
        let target = max(seconds, 2 * (decodeSeconds ?? 0))
        let rows = Self.rows(target, secondsPerRow) - decoding
        return min(max(rows, Self.leastPromptRows), most)
    }

    /// Rows of prompts in a step without decoding, at most `batchRows`.
    func promptRowsAlone(batchRows: Int) -> Int {
        guard let seconds else { return batchRows }
        guard let secondsPerRow else { return min(Self.firstRows, batchRows) }
        let rows = Self.rows(Self.aloneFactor * seconds, secondsPerRow)
        return min(max(rows, Self.leastPromptRows), batchRows)
    }

    /// A step of `decoding` and `prompts` rows took so long.
    mutating func observe(decoding: Int, prompts: Int, seconds: Double) {
        guard seconds > 0 else { return }
        if prompts == 0, decoding > 0 {
            decodeSeconds = Self.average(decodeSeconds, seconds)
        } else if prompts >= min(Self.leastPromptRows, mostRows) {
            secondsPerRow = Self.average(secondsPerRow, seconds / Double(decoding + prompts))
        }
    }

    private static func rows(_ seconds: Double, _ secondsPerRow: Double) -> Int {
        Int(min(seconds / secondsPerRow, Double(Int32.max)))
    }

    private static func average(_ old: Double?, _ new: Double) -> Double {
        old.map { $0 + weight * (new - $0) } ?? new
    }
}
