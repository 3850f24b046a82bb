import ArgumentParser
import Foundation
import IsterDecoder
import IsterEvaluation
import IsterModelFile
import IsterQuantizer
import Testing

@testable import ister

/// What is refused before a model is opened: there is none.
struct EvalTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ister-\(UUID().uuidString)")
        for name in ["a", "b"] {
            let data = folder.appending(path: name)
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            let item = #"{"id":"1","task":"mine","question":"Is it?","choices":["yes","no"],"answer":1}"#
            try Data(item.utf8).write(to: data.appending(path: "q.jsonl"))
        }
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private func failure(_ arguments: [String]) throws -> Failure? {
        defer { try? FileManager.default.removeItem(at: folder) }
        let command = try EvalTasks.parse([path("none.ister"), "--suite", path("a/q.jsonl")] + arguments)
        do { try command.run() } catch { return error as? Failure }
        return nil
    }

    @Test(arguments: ["--html", "--output"])
    func `an output in no folder is found before the questions`(option: String) throws {
        let failure = try failure([option, path("none/out")])
        #expect(failure?.code == .cannotCreate)
        #expect(failure?.message.hasPrefix(path("none/out")) == true)
    }

    @Test func `a report and a run of one name are refused though neither exists`() throws {
        #expect(try failure(["--html", path("x"), "-o", path("a/../x")])?.code == .usage)
    }

    @Test func `two suites of one name are refused by it`() throws {
        let failure = try failure(["--suite", path("a/q.jsonl") + "," + path("b/q.jsonl")])
        #expect(failure?.code == .usage && failure?.message.hasSuffix("name q") == true)
    }

    @Test func `outputs that can be made let the model be opened`() throws {
        #expect(try failure(["--html", path("x"), "-o", path("y")])?.code == .inputMissing)
    }

    @Test func `an error of the reference names the reference's file`() {
        let error = EvaluationError.reference(.notFinite)
        let failure = #expect(throws: Failure.self) {
            try evaluating("candidate", reference: "reference") { throw error }
        }
        #expect(failure?.message.hasPrefix("reference: ") == true && failure?.code == .badData)
    }

    @Test func `memory that a model lacks during a conversion is the system's refusal`() {
        let error = DecoderError.outOfMemory(what: "key/value cache", bytes: 1)
        for error in [error, EvaluationError.decoder(error), EvaluationError.reference(error)] as [any Error] {
            let failure = Failure(QuantizerError(running: error), file: "source")
            #expect(failure.code == .systemRefused, "\(error)")
        }
        #expect(Failure(QuantizerError(running: DecoderError.notFinite), file: "source").code == .badData)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `an evaluation that a signal ends leaves nothing of the file that it writes`(number: Int32) async throws {
        let target = path("base")
        defer { try? FileManager.default.removeItem(at: folder) }
        await #expect(processExitsWith: .exitCode(128 + number)) {
            [target = target as String, number = number as Int32] in
            signal(SIGHUP, SIG_DFL)
            let signals = EndSignals(removingTemporaryFileOf: target)
            let temporary = try TemporaryFile(target: target, plannedBytes: 0)
            // A signal is lost until the system's queue has taken the source on.
            for _ in 0..<200 {
                kill(getpid(), number)
                usleep(50_000)
            }
            withExtendedLifetime((signals, temporary)) {}
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a", "b"])
    }

    @Test func `a hangup that is ignored when a command starts, as nohup has it, stays so`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGHUP, SIG_DFL)
            guard EndSignals.numbers() == [SIGINT, SIGTERM, SIGHUP] else { exit(1) }
            signal(SIGHUP, SIG_IGN)
            guard EndSignals.numbers() == [SIGINT, SIGTERM] else { exit(2) }
        }
    }
}
