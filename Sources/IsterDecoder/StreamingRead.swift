internal import CIsterKernels
internal import Glibc

/// A streaming read with prefetch by all workers: the yardstick of decode. It passes over 1 GiB, or four times the
/// last-level caches where that is more, or a quarter of what is available where that is less.
@safe public final class StreamingRead {
    private let buffer: AnonymousMemory
    private let team: Team
    private var job: StreamJob

    /// Bytes that one would take now.
    public static var bufferBytes: Int {
        let bytes = min(max(1 << 30, 4 * Machine.lastLevelCacheBytes), (Machine.availableMemory ?? .max) / 4)
        return max(bytes / StreamJob.pieceBytes, 1) * StreamJob.pieceBytes
    }

    public init(threads: Int) throws(DecoderError) {
        let pieces = Self.bufferBytes / StreamJob.pieceBytes
        buffer = try AnonymousMemory(bytes: pieces * StreamJob.pieceBytes)
        team = try Team(workers: threads)
        job = unsafe StreamJob(kernels: try Machine.kernels(), base: buffer.base, pieces: pieces)
        unsafe team.run(&job) { unsafe StreamJob.work($0, $1, $2) }
    }

    /// Bytes per second of the fastest of some passes over the buffer. All threads take part: with fewer, as while
    /// another process holds a processor, less would be found than is there.
    public func bandwidth(passes: Int) -> Double {
        (0..<passes).map { _ in pass() }.max() ?? 0
    }

    private func pass() -> Double {
        job.phase += 1
        team.recall()
        let start = ContinuousClock.now
        unsafe team.run(&job) { unsafe StreamJob.work($0, $1, $2) }
        return Double(job.pieces * StreamJob.pieceBytes) / ((ContinuousClock.now - start) / .seconds(1))
    }
}

/// One pass over a buffer, which the first pass writes. Pieces are claimed, for a team may run with fewer workers than
/// were asked for and must still read every byte.
@safe private struct StreamJob {
    static let pieceBytes = 1 << 20
    static let firstPhase: UInt32 = 1
    let kernels: UnsafePointer<ister_kernels>
    let base: UnsafeMutableRawPointer
    let pieces: Int
    var phase = firstPhase

    static func work(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
        let job = unsafe context.assumingMemoryBound(to: StreamJob.self).pointee
        while true {
            let range = unsafe ister_team_claim(team, worker, job.phase, job.pieces, 4)
            if range.begin == range.end { return }
            let start = unsafe job.base + range.begin * pieceBytes
            let count = (range.end - range.begin) * pieceBytes
            if job.phase == firstPhase {
                unsafe memset(start, Int32(truncatingIfNeeded: worker + 1), count)
            } else {
                _ = unsafe job.kernels.pointee.stream(start, count)
            }
            unsafe ister_team_complete(team, job.phase, job.pieces, range.end - range.begin)
        }
    }
}
