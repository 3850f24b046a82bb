import ArgumentParser
import IsterEvaluation

struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Measures how good a model is.",
        subcommands: [EvalPerplexity.self, EvalDivergence.self, EvalTasks.self])
}

/// Runs `body`; what it throws becomes a failure about `file`.
/// reference: the file that it is compared with.
func evaluating<Value>(
    _ file: String, reference: String? = nil, _ body: () throws -> Value
) throws(Failure) -> Value {
    do {
        return try body()
    } catch let error as EvaluationError {
        throw Failure(error, model: file, reference: reference)
    } catch {
        throw Failure(error, file: file)
    }
}

extension Failure {
    /// model: what the error is about, for errors that do not name their file.
    /// reference: the model that it is compared with.
    init(_ error: EvaluationError, model: String, reference: String? = nil) {
        switch error {
        case .decoder(let error): self.init(error, file: model)
        case .reference(let error): self.init(error, file: reference ?? model)
        case .output(let error): self.init(error, file: model)
        case .invalidOption, .unknownSuite, .notEnoughShots: self.init(.usage, error.description)
        case .missing: self.init(.inputMissing, error.description)
        case .inputOutput: self.init(.inputOutput, error.description)
        case .baseFile, .items, .noItems, .run, .runOfOther: self.init(.badData, error.description)
        default: self.init(.badData, "\(model): \(error)")
        }
    }
}
