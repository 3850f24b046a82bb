import Foundation

@testable import IsterGenerator

/// Files of the folder Golden.
enum GoldenFile {
    struct Missing: Error {}

    static func bytes(_ name: String) throws -> [UInt8] {
        guard let folder = Bundle.module.resourceURL else { throw Missing() }
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent("Golden/" + name)))
    }
}

/// Random numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
    private var sequence: RandomSequence

    init(seed: UInt64) {
        sequence = RandomSequence(seed: seed)
    }

    mutating func next() -> UInt64 { sequence.nextBits() }
}

enum RandomWalk {
    /// A document of a grammar, byte by byte; nil if it ends nowhere.
    static func document(_ grammar: Grammar, _ random: inout SplitMix) -> [UInt8]? {
        var automaton = GrammarAutomaton(grammar)
        var state = automaton.start()
        var text: [UInt8] = []
        for _ in 0..<20_000 {
            if automaton.isFull { state = automaton.compact(keeping: state) }
            let allowed = (UInt8.min ... .max).filter { automaton.next(state, $0) >= 0 }
            if automaton.isComplete(state), allowed.isEmpty || Int.random(in: 0..<3, using: &random) == 0 {
                return text
            }
            // The longer the text, the sooner it ends.
            let closing = allowed.filter { "\"]}".utf8.contains($0) }
            let hurries = Int.random(in: 0..<100, using: &random) < min(20 + text.count / 10, 95)
            let choices = hurries && !closing.isEmpty ? closing : allowed
            guard let byte = choices.randomElement(using: &random) else { return nil }
            text.append(byte)
            state = automaton.next(state, byte)
        }
        return nil
    }
}
