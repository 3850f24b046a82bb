/// What a generated text must look like: always the beginning of a document of a grammar, and at its end a whole one.
/// The same value serves any number of requests.
public struct Constraint: Sendable {
    let grammar: Grammar
    let vocabulary: TokenTrie

    public init(_ grammar: Grammar, vocabulary: TokenTrie) {
        self.grammar = grammar
        self.vocabulary = vocabulary
    }
}

/// How far one request's text has come in its grammar. Depends on nothing but the tokens so far.
struct ConstraintState: Sendable {
    /// Threads of an automaton that one mask may add beyond those that single bytes lead to. At about 0.1 us each this
    /// bounds the time of a mask for whatever schema, at the price of longer tokens.
    static let fuel = 1 << 14
    /// Masks that are kept: 20 KB each for 150,000 tokens.
    private static let maskLimit = 64

    private let vocabulary: TokenTrie
    /// End tokens of the request that have no text.
    private let endTokens: [Int32]
    private var automaton: GrammarAutomaton
    private var state: Int32
    private var masks: [Int32: TokenMask] = [:]

    init(_ constraint: Constraint, endTokens: Set<Int32>) {
        vocabulary = constraint.vocabulary
        self.endTokens = endTokens.filter { constraint.vocabulary.text($0).isEmpty }.sorted()
        automaton = GrammarAutomaton(constraint.grammar)
        state = automaton.start()
    }

    /// Nothing can follow: the document is whole, or a token was taken that was not allowed.
    var isOver: Bool { !automaton.canGoOn(state) }
    var isComplete: Bool { automaton.isComplete(state) }

    /// The tokens that keep the text the beginning of a document; end tokens where it is a whole one.
    mutating func mask() -> TokenMask {
        if automaton.isFull {
            state = automaton.compact(keeping: state)
            masks.removeAll(keepingCapacity: true)
        }
        if let mask = masks[state] { return mask }
        // Single bytes first, whatever they take: some token is always allowed.
        for number in 0..<automaton.classCount { _ = automaton.next(state, class: number) }
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

    /// Reads a token.
    mutating func take(_ id: Int32) {
        let text = vocabulary.text(id)
        guard !text.isEmpty else {
            state = automaton.next(state, token: id)
            return
        }
        for byte in text { state = automaton.next(state, byte) }
    }
}
