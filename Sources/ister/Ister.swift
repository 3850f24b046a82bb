import ArgumentParser
import Glibc
import IsterQuantizer

@main
struct Ister: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ister",
        abstract: "Quantizes a checkpoint into one mapped file and generates text from it on the CPU.",
        discussion: """
            Exit codes: 0 ok, 64 usage, 65 bad input data, 66 input missing, 69 port busy, 70 internal, 71 the system refused \
            memory, 73 cannot create the output, 74 input/output error, 78 wrong configuration, 130 interrupted.
            ISTER_ISA=scalar|avx2|avxvnni|avx512vnni|avx512vbmi|neondotprod|neoni8mm forces a set of kernels.
            """,
        version: toolVersion,
        subcommands: [
            Quantize.self, Generate.self, Bench.self, Inspect.self, Verify.self, Tokenize.self, Logits.self,
            Doctor.self, Eval.self, Chat.self, BenchServe.self, Serve.self, MakeKey.self,
        ])

    static let toolVersion = ToolVersion.current

    static func main() async {
        // A write beyond the limit on file sizes is to fail as one to a full disk does, not to end the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            endProcess(0)
        } catch {
            Failure.report(error)
        }
    }
}
