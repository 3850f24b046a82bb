import ArgumentParser
import Glibc
import IsterCheckpoint
import IsterDecoder
import IsterEvaluation
import IsterGenerator
import IsterModelFile
import IsterQuantizer
import IsterTokenizer

/// Ends the process at once. Destructors are left out: those of the OpenMP runtime abort when the compute thread is
/// still inside a team, which it may be when a command fails or is interrupted.
func endProcess(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
}

/// Why a command ends: one line for a person and the exit code for a script.
struct Failure: Error {
    var code: Code
    var message: String

    /// The codes of BSD's sysexits.h that Ister uses.
    enum Code: Int32 {
        case usage = 64
        case badData = 65
        case inputMissing = 66
        /// A port or another service.
        case unavailable = 69
        case `internal` = 70
        case systemRefused = 71
        case cannotCreate = 73
        case inputOutput = 74
        case configuration = 78
        /// 128 + SIGINT, as shells report it.
        case interrupted = 130
    }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// file: what the error is about, for errors that do not name their file.
    init(_ error: any Error, file: String) {
        switch error {
        case let error as Failure: self = error
        case let error as ModelFileError: self.init(error)
        case let error as CheckpointError: self.init(Self.code(error), error.description)
        case let error as QuantizerError: self.init(error)
        case let error as EvaluationError: self.init(error, model: file)
        case let error as DecoderError: self.init(Self.code(error), "\(file): \(error)")
        case is TokenizerError, is TokenizerFileError, is JSONError: self.init(.badData, "\(file): \(error)")
        case let error as ChatTemplateError: self.init(.badData, error.description)
        case let error as GenerationError: self.init(.usage, "\(file): \(error)")
        case let error as ComputeThreadError: self.init(.systemRefused, error.description)
        default: self.init(.internal, "\(file): \(error)")
        }
    }

    /// Ends the process with what `error` means. Help and version go to stdout and are no failure.
    static func report(_ error: any Error) -> Never {
        if let failure = error as? Failure { failure.exit() }
        // A command that has said everything already.
        if let code = error as? ExitCode { endProcess(code.rawValue) }
        let code = Ister.exitCode(for: error)
        if code == .success {
            guard (try? StandardOutput.write(Ister.fullMessage(for: error) + "\n")) != nil else {
                Failure(.inputOutput, "stdout: cannot write").exit()
            }
            endProcess(0)
        }
        guard code == .validationFailure else { Failure(.internal, "\(error)").exit() }
        Failure(.usage, Ister.message(for: error)).exit()
    }

    /// What is printed: one line, whatever a foreign file has put into the message.
    var line: String { message.split(whereSeparator: \.isNewline).joined(separator: " ").printable }

    private func exit() -> Never {
        StandardError.write("ister: error[\(code.rawValue)]: \(line)\n")
        endProcess(code.rawValue)
    }

    private init(_ error: ModelFileError) {
        switch error {
        case .missing: code = .inputMissing
        case .badData, .badDraft: code = .badData
        case .cannotCreate, .outputExists: code = .cannotCreate
        case .outputIsInput: code = .usage
        case .outOfSpace, .inputOutput: code = .inputOutput
        case .cannotMap: code = .systemRefused
        }
        message = error.description
        if case .outputExists(let path) = error { message = "\(path): exists; --force replaces it" }
    }

    private static func code(_ error: CheckpointError) -> Code {
        switch error.kind {
        case .notFound: .inputMissing
        case .inputOutput: .inputOutput
        case .badData: .badData
        }
    }

    private init(_ error: QuantizerError) {
        switch error {
        case .checkpoint(let error): self.init(Self.code(error), error.description)
        case .modelFile(let error): self.init(error)
        case .calibration(.outOfMemory): self.init(.systemRefused, error.description)
        case .calibration(.nothingToRound): self.init(.usage, error.description)
        case .vocabularyTooLarge, .tensorMismatch, .calibration, .tooFarFromSource, .weightsOutOfRange:
            self.init(.badData, error.description)
        case .calibrationMemory: self.init(.systemRefused, error.description)
        case .sourceChanged: self.init(.inputOutput, error.description)
        case .targetTooSmall: self.init(.usage, error.description)
        }
    }

    private static func code(_ error: DecoderError) -> Code {
        switch error {
        case .missingTensor, .unsupported, .notFinite: .badData
        case .outOfMemory, .threadsRefused: .systemRefused
        case .fileChanged: .inputOutput
        case .instructionSetUnavailable, .invalidOption, .tokenOutOfRange, .contextFull: .usage
        case .sequenceOutOfRange, .batchTooLarge, .repeatedSequence, .cacheNotPaged, .blockOutOfRange,
            .tableOutOfRange, .blockNotAssigned:
            .internal
        }
    }
}

extension String {
    /// For a terminal: text of a foreign file must not steer it, so control characters are spelled out.
    var printable: String {
        var text = ""
        for scalar in unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            text += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return text
    }
}

/// Runs `body`; what it throws becomes a failure about `file`.
func reporting<Value>(_ file: String, _ body: () throws -> Value) throws(Failure) -> Value {
    do { return try body() } catch { throw Failure(error, file: file) }
}
