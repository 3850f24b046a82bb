extension TokenTrie {
    /// Marks the tokens whose bytes the automaton can read in this state. Unknown transitions are found on the way, until
    /// the automaton's fuel is used up.
    func mark(_ mask: inout TokenMask, _ automaton: inout GrammarAutomaton, from state: Int32) {
        // Inside a string of any length, most tokens change nothing: their part of the tree is not walked.
        let isText = PlainText(spellable: singleBytes).keeps(state, &automaton)
        if isText { mask.formUnion(plainTokens) }
        var path = [Int32](repeating: state, count: deepest + 2)
        let (classes, classCount) = (automaton.grammar.classes, automaton.classCount)
        var index = 0
        while index < bytes.count {
            if isText, isPlain[index], path[Int(depths[index])] == state {
                index = Int(ends[index])
                continue
            }
            let depth = Int(depths[index])
            let number = Int(classes[Int(bytes[index])])
            // Most transitions are known: one look, and no call.
            var next = automaton.transitions[Int(path[depth]) * classCount + number]
            if next == GrammarAutomaton.unknown { next = automaton.next(path[depth], class: number) }
            if next < 0 {
                index = Int(ends[index])
                continue
            }
            path[depth + 1] = next
            if ids[index] >= 0 { mask.insert(ids[index]) }
            index += 1
        }
        for twin in twins where mask.contains(Int(twin.like)) { mask.insert(twin.id) }
    }
}

/// Text of characters that a JSON string has without an escape and that a vocabulary can spell.
struct PlainText {
    private let characters: [CharacterBytes]

    init(spellable: ByteSet) {
        characters = CharacterBytes.plain.map { CharacterBytes(sets: $0.sets.map { $0 & spellable }) }
    }

    /// Whether these bytes are such a text.
    func holds(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while let first = rest.first {
            guard let character = characters.first(where: { $0.sets[0].contains(first) }),
                rest.count >= character.sets.count,
                zip(character.sets, rest).allSatisfy({ $0.contains($1) })
            else { return false }
            rest = rest.dropFirst(character.sets.count)
        }
        return true
    }

    /// Whether each such text leads from a state back to it.
    func keeps(_ state: Int32, _ automaton: inout GrammarAutomaton) -> Bool {
        for character in characters {
            var reached: Set = [state]
            for set in character.sets {
                var next: Set<Int32> = []
                for state in reached {
                    for byte in UInt8.min ... .max where set.contains(byte) { next.insert(automaton.next(state, byte)) }
                }
                reached = next
                // The usual state outside of strings is left at once.
                if reached.contains(GrammarAutomaton.dead) { return false }
            }
            // Empty: no token begins like this.
            guard reached.isEmpty || reached == [state] else { return false }
        }
        return true
    }
}
