import IsterDecoder
import IsterGenerator
import IsterModelFile

/// One line of a benchmark.
struct BenchTest {
    enum Phase {
        case prompt(Int)
        case generation(Int)
    }

    var phase: Phase
    /// Tokens in the context before the clock starts.
    var depth: Int
    var sequences: Int

    var promptCount: Int { if case .prompt(let count) = phase { count } else { 0 } }
    var generationCount: Int { if case .generation(let count) = phase { count } else { 0 } }
    /// Positions that each sequence needs.
    var length: Int { depth + promptCount + generationCount }

    /// Most rows of a forward call: a prompt runs in chunks, sequences generate together.
    func batchRows(chunk: Int) -> Int { max(min(chunk, length), sequences) }

    /// Rows of the largest call that is made, and how many of them ask for logits.
    func calledRows(chunk: Int) -> (all: Int, logits: Int) {
        let rows = min(chunk, max(depth, promptCount))
        return generationCount > 0 ? (max(rows, sequences), sequences) : (rows, 1)
    }

    /// Bytes of all sequences' keys and values, which behind a layer's window are not kept.
    func cacheBytes(_ shape: ModelShape, _ format: CacheFormat, chunk: Int) -> Int {
        let blocks = shape.layers.reduce(0) { sum, layer in
            sum + Decoder.blocksInSight(window: layer.window, positions: length, batchRows: batchRows(chunk: chunk))
        }
        let layerBytes = format.blockBytes(shape) / max(shape.layers.count, 1)
        let (all, isBeyond) = blocks.multipliedReportingOverflow(by: sequences)
        let (bytes, overflow) = all.multipliedReportingOverflow(by: layerBytes)
        return isBeyond || overflow ? .max : bytes
    }

    /// As llama-bench writes it: pp512, tg128, tg128 @ d4096.
    var name: String {
        let phase =
            switch phase {
            case .prompt(let count): "pp\(count)"
            case .generation(let count): "tg\(count)"
            }
        return phase + (depth > 0 ? " @ d\(depth)" : "")
    }
}

/// Runs one test on a decoder of its own.
struct BenchRun {
    let file: ModelFile
    let test: BenchTest
    let threads: Int
    let chunk: Int
    /// nil: the file's default.
    let cacheFormat: CacheFormat?
    let weightCopies: WeightCopyRule
    /// Of as many threads.
    let streaming: StreamingRead

    /// Rows of a call that is timed.
    private var callRows: Int {
        test.promptCount > 0 ? min(chunk, test.promptCount) : test.sequences
    }

    private var format: CacheFormat { cacheFormat ?? .default(for: file) }

    func measure(repetitions: Int) throws(DecoderError) -> BenchResult {
        let length = test.length
        var options = DecoderOptions()
        options.threads = threads
        options.weightCopies = weightCopies
        options.cacheFormat = cacheFormat
        options.contextLength = length
        options.sequenceCount = test.sequences
        options.batchRows = test.batchRows(chunk: chunk)
        // So that copies of the weights find what room the cache leaves.
        options.populatesCache = true
        let decoder = try Decoder(file, options: options)
        _ = try once(decoder)
        var samples: [BenchSample] = []
        for _ in 0..<repetitions {
            let before = try yardsticks()
            var sample = try once(decoder)
            let after = try yardsticks()
            sample.bandwidth = Self.mean(before.bandwidth, after.bandwidth)
            sample.integerPeak = Self.mean(before.integerPeak, after.integerPeak)
            samples.append(sample)
        }
        return BenchResult(
            test: test, threads: decoder.threads.count, isa: decoder.instructionSet, batchRows: callRows,
            cacheFormat: decoder.cacheFormat, samples: samples, load: ModelLoad(file.header),
            cacheBytes: readCacheBytes, lastLevelCacheBytes: Machine.lastLevelCacheBytes,
            hugePageFraction: decoder.hugePageFraction)
    }

    /// Of what the test may be bound by, just now: prompts by arithmetic, generation by memory and, if sequences share
    /// its reads, by either.
    private func yardsticks() throws(DecoderError) -> (bandwidth: Double?, integerPeak: Double?) {
        let isGeneration = test.generationCount > 0
        let isArithmetic = !isGeneration || test.sequences > 1
        return (
            isGeneration ? streaming.bandwidth(passes: 2) : nil,
            isArithmetic ? try Machine.integerPeak(threads: threads, rounds: 2) : nil
        )
    }

    private static func mean(_ before: Double?, _ after: Double?) -> Double? {
        guard let before, let after else { return nil }
        return (before + after) / 2
    }

    /// Bytes of keys and values that one repetition of generation reads.
    private var readCacheBytes: Int {
        let shape = file.header.shape
        let positions = (0..<test.generationCount).reduce(0) { sum, step in
            sum + shape.layers.reduce(0) { $0 + min(test.depth + step + 1, $1.window ?? .max) }
        }
        let layerBytes = format.blockBytes(shape) / max(shape.layers.count, 1)
        return positions * layerBytes / Decoder.blockPositions * test.sequences
    }

    /// One repetition, without yardsticks; all have the same tokens.
    private func once(_ decoder: Decoder) throws(DecoderError) -> BenchSample {
        var random = RandomSequence(seed: 1)
        var least = threads
        for slot in 0..<test.sequences { try prepare(decoder, sequence: slot, &random) }
        let start = ContinuousClock.now
        switch test.phase {
        case .prompt(let count):
            for slot in 0..<test.sequences {
                least = min(least, try fill(decoder, sequence: slot, count: count, logits: .last, &random))
            }
        case .generation(let count): least = try step(decoder, count: count, &random)
        }
        return BenchSample(seconds: start.duration(to: .now) / .seconds(1), threads: least)
    }

    /// Leaves `depth` tokens in a sequence: what a repetition added is taken back if the windows allow it, since
    /// filling a deep context again takes longer than the test.
    private func prepare(
        _ decoder: Decoder, sequence: Int, _ random: inout RandomSequence
    ) throws(DecoderError) {
        let isFilled = test.depth > 0 && decoder.length(ofSequence: sequence) >= test.depth
        if isFilled, decoder.truncate(sequence: sequence, to: test.depth) { return }
        decoder.reset(sequence: sequence)
        _ = try fill(decoder, sequence: sequence, count: test.depth, logits: .none, &random)
    }

    /// Runs `count` tokens of a sequence in chunks. Returns the fewest threads of a call.
    private func fill(
        _ decoder: Decoder, sequence: Int, count: Int, logits: LogitSelection, _ random: inout RandomSequence
    ) throws(DecoderError) -> Int {
        var start = 0, least = threads
        while start < count {
            let rows = min(chunk, count - start)
            let tokens = (0..<rows).map { _ in token(&random) }
            let isLast = start + rows == count
            try decoder.forward([TokenSlice(sequence: sequence, tokens: tokens, logits: isLast ? logits : .none)])
            start += rows
            least = min(least, decoder.threadsOfLastCall)
        }
        return least
    }

    /// Decodes `count` tokens of all sequences, one of each in a call. Returns the fewest threads of a call.
    private func step(_ decoder: Decoder, count: Int, _ random: inout RandomSequence) throws(DecoderError) -> Int {
        var least = threads
        for _ in 0..<count {
            let slices = (0..<test.sequences).map { slot in
                TokenSlice(sequence: slot, tokens: [token(&random)], logits: .last)
            }
            try decoder.forward(slices)
            least = min(least, decoder.threadsOfLastCall)
        }
        return least
    }

    private func token(_ random: inout RandomSequence) -> Int32 {
        Int32(truncatingIfNeeded: random.nextBits() % UInt64(max(file.header.shape.vocabularySize, 1)))
    }
}
