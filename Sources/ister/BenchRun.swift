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
    /// Bytes per second of a streaming read by as many threads.
    let bandwidth: Double

    func measure(repetitions: Int) throws(DecoderError) -> BenchResult {
        let length = test.depth + max(test.promptCount, test.generationCount)
        guard length <= file.header.shape.contextLength else {
            throw .contextFull(needed: length, contextLength: file.header.shape.contextLength)
        }
        var options = DecoderOptions()
        options.threads = threads
        options.contextLength = length
        options.sequenceCount = test.sequences
        options.batchRows = max(min(chunk, length * test.sequences), test.sequences)
        let decoder = try Decoder(file, options: options)
        var seconds: [Double] = []
        for repetition in 0...repetitions {
            let time = try once(decoder, random: RandomSequence(seed: 1))
            if repetition > 0 { seconds.append(time) }
        }
        return BenchResult(
            test: test, threads: decoder.threads.count, isa: decoder.instructionSet, batchRows: decoder.batchRows,
            seconds: seconds, streamedBytes: streamedBytes, bandwidth: bandwidth)
    }

    private func once(_ decoder: Decoder, random: RandomSequence) throws(DecoderError) -> Double {
        var random = random
        for slot in 0..<test.sequences { decoder.reset(sequence: slot) }
        if test.depth > 0 { try fill(decoder, count: test.depth, logits: .none, &random) }
        let start = ContinuousClock.now
        switch test.phase {
        case .prompt(let count): try fill(decoder, count: count, logits: .last, &random)
        case .generation(let count): try step(decoder, count: count, &random)
        }
        return start.duration(to: .now) / .seconds(1)
    }

    /// Runs `count` tokens of each sequence in chunks, one sequence after the other.
    private func fill(
        _ decoder: Decoder, count: Int, logits: LogitSelection, _ random: inout RandomSequence
    ) throws(DecoderError) {
        for slot in 0..<test.sequences {
            var start = 0
            while start < count {
                let rows = min(decoder.batchRows, count - start)
                let tokens = (0..<rows).map { _ in token(&random) }
                let isLast = start + rows == count
                try decoder.forward([TokenSlice(sequence: slot, tokens: tokens, logits: isLast ? logits : .none)])
                start += rows
            }
        }
    }

    /// Decodes `count` tokens of all sequences, one of each in a call.
    private func step(_ decoder: Decoder, count: Int, _ random: inout RandomSequence) throws(DecoderError) {
        for _ in 0..<count {
            let slices = (0..<test.sequences).map { slot in
                TokenSlice(sequence: slot, tokens: [token(&random)], logits: .last)
            }
            try decoder.forward(slices)
        }
    }

    private func token(_ random: inout RandomSequence) -> Int32 {
        Int32(truncatingIfNeeded: random.nextBits() % UInt64(max(file.header.shape.vocabularySize, 1)))
    }

    /// Weights that one forward call reads. An embedding that is not also the head gives single rows.
    private var streamedBytes: Int {
        file.header.tensors.reduce(0) { sum, tensor in
            let isRead = tensor.name != TensorName.embedding || file.header.shape.tiedHead
            return sum + (isRead ? tensor.length : 0)
        }
    }
}
