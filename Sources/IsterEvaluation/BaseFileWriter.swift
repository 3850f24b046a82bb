internal import IsterGenerator

/// Writes a base file that llama-perplexity can read. It appears under its name when it is complete.
public final class BaseFileWriter {
    private let layout: BaseFileLayout
    private let file: EvaluationOutput
    private var rowCount = 0

    /// inputs: files of the run, which the base file must not replace.
    public init(
        path: String, windows: TextWindows, vocabularySize: Int, inputs: [String] = []
    ) throws(EvaluationError) {
        do throws(BaseFileDefect) {
            layout = try BaseFileLayout(
                contextLength: windows.contextLength, vocabularySize: vocabularySize, windowCount: windows.count)
        } catch {
            throw .baseFile(path: path, error)
        }
        file = try EvaluationOutput(path, inputs: inputs, plannedBytes: layout.fileBytes)
        var bytes = BaseFileLayout.magic
        for count in [windows.contextLength, vocabularySize, windows.count] {
            Self.append(UInt32(truncatingIfNeeded: count), &bytes)
        }
        for token in windows.tokens { Self.append(UInt32(bitPattern: token), &bytes) }
        try file.append(bytes)
    }

    /// logits: [vocabularySize]
    func append(_ logits: Span<Float>, _ softmax: LogSoftmax) throws(EvaluationError) {
        var smallest = Float.infinity
        for index in logits.indices { smallest = min(smallest, logits[index]) }
        let lowest = max(smallest, softmax.maximum - BaseFileLayout.depth)
        let scale = (softmax.maximum - lowest) / 65535
        var bytes: [UInt8] = []
        bytes.reserveCapacity(layout.rowBytes)
        Self.append(scale.bitPattern, &bytes)
        Self.append(Float(Double(lowest) - Double(softmax.maximum) - softmax.logSum).bitPattern, &bytes)
        let inverse = scale > 0 ? 1 / scale : 0
        for index in 0..<layout.rowWords - 4 {
            let distance = index < logits.count ? max(logits[index] - lowest, 0) * inverse : 0
            let code = UInt16(exactly: min(distance.rounded(.toNearestOrEven), 65535)) ?? 0
            bytes.append(UInt8(truncatingIfNeeded: code))
            bytes.append(UInt8(truncatingIfNeeded: code >> 8))
        }
        try file.append(bytes)
        rowCount += 1
    }

    /// All rows are there: the file gets its name.
    func finish() throws(EvaluationError) {
        precondition(rowCount == layout.rowCount)
        try file.publish()
    }

    private static func append(_ word: UInt32, _ bytes: inout [UInt8]) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
}
