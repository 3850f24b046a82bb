internal import CIsterKernels

extension Machine {
    /// Multiply-adds per second of the instruction set's int8 dot product in registers, by all workers together: the
    /// yardstick of prompts. Best of `rounds`.
    public static func integerPeak(threads: Int, rounds: Int = 5) throws(DecoderError) -> Double {
        let team = try Team(workers: threads)
        var job = unsafe PeakJob(kernels: try kernels(), workers: threads)
        // A run must be long beside the start of a team, about 10 us, and the turbo clock's rise.
        var time = run(&job, on: team)
        while time < .milliseconds(40), job.roundsPerPiece < 1 << 32 {
            job.roundsPerPiece *= 2
            time = run(&job, on: team)
        }
        var best = time
        for _ in 1..<max(rounds, 2) { best = min(best, run(&job, on: team)) }
        return Double(job.products) / (best / .seconds(1))
    }

    private static func run(_ job: inout PeakJob, on team: Team) -> Duration {
        job.phase += 1
        // With fewer threads less would be found than is there.
        team.recall()
        let start = ContinuousClock.now
        unsafe team.run(&job) { unsafe PeakJob.work($0, $1, $2) }
        return ContinuousClock.now - start
    }
}

/// Pieces are claimed, for a team may run with fewer workers than were asked for and a worker may lose its core.
@safe private struct PeakJob {
    let kernels: UnsafePointer<ister_kernels>
    let pieces: Int
    var roundsPerPiece = 1 << 8
    var phase: UInt32 = 0

    init(kernels: UnsafePointer<ister_kernels>, workers: Int) {
        unsafe self.kernels = unsafe kernels
        pieces = 64 * workers
    }

    /// Multiply-adds of one run.
    var products: UInt64 {
        // The kernel counts; a round is the same however many follow each other.
        UInt64(pieces) * UInt64(roundsPerPiece) * (unsafe kernels.pointee.integer_peak(1))
    }

    static func work(_ context: UnsafeMutableRawPointer, _ team: OpaquePointer, _ worker: Int) {
        let job = unsafe context.assumingMemoryBound(to: PeakJob.self).pointee
        while true {
            let range = unsafe ister_team_claim(team, worker, job.phase, job.pieces, 1)
            if range.begin == range.end { return }
            for _ in range.begin..<range.end { _ = unsafe job.kernels.pointee.integer_peak(job.roundsPerPiece) }
            unsafe ister_team_complete(team, job.phase, job.pieces, range.end - range.begin)
        }
    }
}
