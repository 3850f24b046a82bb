internal import CIsterKernels
internal import IsterModelFile

/// The sizes that the step needs, as plain numbers: a copy of the shape would retain its arrays in the loop.
struct Dimensions {
    let vocabularySize: Int
    let hidden: Int
    let queryWidth: Int
    let keyValueWidth: Int
    let feedForward: Int
    let layerCount: Int
    let headCount: Int
    let keyValueHeadCount: Int
    let headWidth: Int
    let normEpsilon: Float
    let unitOffset: Int32
    let attentionScale: Float
    let embeddingScale: Float

    init(_ shape: ModelShape) {
        vocabularySize = shape.vocabularySize
        hidden = shape.hiddenWidth
        queryWidth = shape.queryWidth
        keyValueWidth = shape.keyValueWidth
        feedForward = shape.feedForwardWidth
        layerCount = shape.layerCount
        headCount = shape.headCount
        keyValueHeadCount = shape.keyValueHeadCount
        headWidth = shape.headWidth
        normEpsilon = shape.normEpsilon
        unitOffset = shape.normKind == .rootMeanSquarePlusOne ? 1 : 0
        attentionScale = shape.attentionScale
        embeddingScale = shape.embeddingScale
    }

    /// Query heads that share one key/value head.
    var groupSize: Int { headCount / keyValueHeadCount }

    /// Query heads of one attention job, and how many jobs a group is.
    var headTile: Int { min(groupSize, Int(ISTER_QUERY_TILE)) }
    var headTiles: Int { (groupSize + headTile - 1) / headTile }

    /// Columns with padding: what a matrix of `width` columns reads.
    static func padded(_ width: Int) -> Int { (width + 31) / 32 * 32 }

    /// Floats between two rows of a buffer: 64 bytes more than the row, or rows 4096 bytes apart would share cache
    /// sets.
    static func stride(_ width: Int) -> Int { padded(width) + 16 }

    /// Float scales of a row of activations.
    static func stepCount(_ width: Int) -> Int { (padded(width) + Int(ISTER_STEP) - 1) / Int(ISTER_STEP) }
}
