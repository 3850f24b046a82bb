import Dispatch
import Glibc
import IsterModelFile
import Synchronization

/// What was measured so far, which is printed once: at the end, before an error, or when a signal ends the process.
final class BenchResults: Sendable {
    private let file: ModelFile
    private let output: Bench.Output
    private let state = Mutex((results: [BenchResult](), isPrinted: false))

    init(file: ModelFile, output: Bench.Output) {
        self.file = file
        self.output = output
    }

    func append(_ result: BenchResult) { state.withLock { $0.results.append(result) } }

    /// isPart: more was to come, so nothing is printed instead of an empty table.
    func print(isPart: Bool = false) throws {
        // Under the lock: a signal waits until all is written.
        try state.withLock { state in
            guard !state.isPrinted, !isPart || !state.results.isEmpty else { return }
            state.isPrinted = true
            try StandardOutput.write(BenchReport(file: file, results: state.results).text(output))
        }
    }

    /// Ctrl-C, the end of a session and a request to end print what there is, then end the process as they usually do.
    func printOnSignals() -> [any DispatchSourceSignal] {
        EndSignals.numbers().map { number in
            signalSource(number) {
                // Nobody is left to be told that it cannot be written.
                try? self.print(isPart: true)
                endProcess(128 + number)
            }
        }
    }
}
