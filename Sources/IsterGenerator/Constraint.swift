/// What a generated text must look like: always the beginning of a document of a grammar, and at its end a whole one.
/// With openings the text is free until one of them; from there on it is such a document.
/// The same value serves any number of requests.
public struct Constraint: Sendable {
    let grammar: Grammar
    let vocabulary: TokenTrie
    /// None: the document begins with the text.
    let openings: [ConstraintOpening]
    /// Whether the text is free again after a document.
    let repeats: Bool
    /// Tokens that an opening may end in the middle of.
    let crossing: [Int32]

    public init(
        _ grammar: Grammar, vocabulary: TokenTrie, openings: [ConstraintOpening] = [], repeats: Bool = false
    ) {
        self.grammar = grammar
        self.vocabulary = vocabulary
        self.openings = openings
        self.repeats = repeats
        let last = Set(openings.compactMap(\.text.last))
        crossing =
            last.isEmpty
            ? []
            : (0..<Int32(truncatingIfNeeded: vocabulary.vocabularySize)).filter {
                vocabulary.text($0).dropLast().contains { last.contains($0) }
            }
    }
}

/// How far one request's text has come in its grammar. Depends on nothing but the tokens so far.
struct ConstraintState: Sendable {
    /// Threads of the automaton that one mask may look at for single bytes, and for longer tokens beyond these; each
    /// may be exceeded by one transition, `GrammarAutomaton.closeLimit`. At 0.1 to 0.2 us each this bounds the time of
    /// a mask to some 20 ms for whatever schema, at the price of tokens that are left out.
    static let byteFuel = 1 << 16
    static let fuel = 1 << 14
    /// Masks that are kept: 20 KB each for 150,000 tokens.
    private static let maskLimit = 64

    private let constraint: Constraint
    private var vocabulary: TokenTrie { constraint.vocabulary }
    /// End tokens of the request that have no text.
    private let endTokens: [Int32]
    private var automaton: GrammarAutomaton
    private var state: Int32
    private var masks: [Int32: TokenMask] = [:]
    /// nil: inside a document.
    private var finder: OpeningFinder?
    /// Tokens that free text must not go on with, by what was found so far: few different things ever are.
    private var crossings: [OpeningFinder: [Int32]] = [:]

    init(_ constraint: Constraint, endTokens: Set<Int32>) {
        self.constraint = constraint
        self.endTokens = endTokens.filter { constraint.vocabulary.text($0).isEmpty }.sorted()
        automaton = GrammarAutomaton(constraint.grammar)
        state = automaton.start()
        finder = constraint.openings.isEmpty ? nil : OpeningFinder()
    }

    /// Nothing can follow: the document is whole, or a token was taken that was not allowed.
    var isOver: Bool { finder == nil && !automaton.canGoOn(state) }
    var isComplete: Bool { finder != nil || automaton.isComplete(state) }

    /// The tokens that keep the text the beginning of a document; end tokens where it is a whole one. nil: all.
    mutating func mask() -> TokenMask? {
        finder.map { freeMask($0) } ?? documentMask()
    }

    /// All tokens but those that an opening ends in the middle of, if no document goes on like that.
    private mutating func freeMask(_ finder: OpeningFinder) -> TokenMask? {
        if crossings[finder] == nil {
            let old = state
            // A token that nothing is known of for want of fuel is forbidden: the text can go on without it.
            automaton.fuel = Self.fuel
            defer { automaton.fuel = nil }
            crossings[finder] = constraint.crossing.filter { id in
                defer { (self.finder, state) = (finder, old) }
                take(id)
                return self.finder == nil && state == GrammarAutomaton.dead
            }
        }
        guard let forbidden = crossings[finder], !forbidden.isEmpty else { return nil }
        return TokenMask(allBut: forbidden, vocabularySize: vocabulary.vocabularySize)
    }

    private mutating func documentMask() -> TokenMask {
        if automaton.isFull {
            state = automaton.compact(keeping: state)
            masks.removeAll(keepingCapacity: true)
        }
        if let mask = masks[state] { return mask }
        findBytes()
        automaton.fuel = Self.fuel
        defer { automaton.fuel = nil }
        var mask = TokenMask(vocabularySize: vocabulary.vocabularySize)
        vocabulary.mark(&mask, &automaton, from: state)
        for id in automaton.tokens(state) { mask.insert(id) }
        if isComplete {
            for id in endTokens { mask.insert(id) }
        }
        if masks.count == Self.maskLimit { masks.removeAll(keepingCapacity: true) }
        masks[state] = mask
        return mask
    }

    /// Finds the transitions of single bytes, at least one that leads on: some token is always allowed.
    private mutating func findBytes() {
        automaton.fuel = Self.byteFuel
        var leadsOn = false
        for number in 0..<automaton.classCount {
            if !leadsOn { automaton.fuel = max(automaton.fuel ?? 0, 1) }
            leadsOn = automaton.next(state, class: number) >= 0 || leadsOn
        }
    }

    /// Reads a token.
    mutating func take(_ id: Int32) {
        let text = vocabulary.text(id)
        guard text.isEmpty else {
            for byte in text { take(byte: byte) }
            return
        }
        if finder == nil {
            state = automaton.next(state, token: id)
            leave()
        } else if let opening = constraint.openings.first(where: { $0.token == id }) {
            enter(opening)
        }
    }

    private mutating func take(byte: UInt8) {
        if finder == nil {
            state = automaton.next(state, byte)
            leave()
        } else if let opening = finder?.take(byte, constraint.openings) {
            enter(opening)
        }
    }

    private mutating func enter(_ opening: ConstraintOpening) {
        finder = nil
        state = automaton.start()
        guard opening.isIncluded else { return }
        for byte in opening.text { state = automaton.next(state, byte) }
    }

    /// After a document the text may be free again.
    private mutating func leave() {
        guard constraint.repeats, automaton.isComplete(state), !automaton.canGoOn(state) else { return }
        finder = OpeningFinder.afterText
    }
}
