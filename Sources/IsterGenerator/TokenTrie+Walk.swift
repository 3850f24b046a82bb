extension TokenTrie {
    /// Marks the tokens whose bytes the automaton can read in this state. Unknown transitions are found on the way,
    /// until the automaton's fuel is used up.
    func mark(_ mask: inout TokenMask, _ automaton: inout GrammarAutomaton, from state: Int32) {
        // Inside a string, most tokens only add to its length: their part of the tree is not walked.
        let way = PlainText(spellable: singleBytes).way(from: state, most: longestPlain, &automaton)
        if let way { insertPlain(&mask, most: way.most) }
        var path = [Int32](repeating: state, count: deepest + 2)
        let (classes, classCount) = (automaton.grammar.classes, automaton.classCount)
        var index = 0
        while index < bytes.count {
            if let way, isPlain[index], way.states.contains(path[Int(depths[index])]) {
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

    /// Marks the plain tokens of at most so many characters.
    private func insertPlain(_ mask: inout TokenMask, most: Int) {
        guard most < longestPlain else { return mask.formUnion(plainTokens) }
        for (id, count) in plainCounts.enumerated() where count > 0 && Int(count) <= most {
            mask.insert(Int32(truncatingIfNeeded: id))
        }
    }
}

/// Text of characters that a JSON string has without an escape and that a vocabulary can spell.
struct PlainText {
    /// Where such text leads, whatever its characters are.
    struct Way {
        /// The first one, and one after each character.
        var states: Set<Int32>
        /// Characters that can follow the first state, up to the most that were asked for.
        var most: Int
    }

    private let characters: [CharacterBytes]

    init(spellable: ByteSet) {
        characters = CharacterBytes.plain.map { CharacterBytes(sets: $0.sets.map { $0 & spellable }) }
    }

    /// How many characters these bytes are; nil: they are no such text.
    func characterCount(_ bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        var count = 0
        while let first = rest.first {
            guard let character = characters.first(where: { $0.sets[0].contains(first) }),
                rest.count >= character.sets.count,
                zip(character.sets, rest).allSatisfy({ $0.contains($1) })
            else { return nil }
            rest = rest.dropFirst(character.sets.count)
            count += 1
        }
        return count
    }

    /// Follows up to `most` characters. nil: where a character leads depends on which it is, or none can follow.
    func way(from state: Int32, most: Int, _ automaton: inout GrammarAutomaton) -> Way? {
        let classes = characters.map { $0.sets.map { Self.classes($0, automaton.grammar) } }
        var way = Way(states: [state], most: 0)
        var last = state
        while way.most < most {
            guard let next = Self.step(last, classes, &automaton) else {
                // Without fuel nothing is known of what is longer: it is left out.
                return way.most > 0 && automaton.fuel.map { $0 <= 0 } == true ? way : nil
            }
            // A string without a limit.
            if next == last { return Way(states: way.states, most: most) }
            if next == GrammarAutomaton.dead { break }
            way.states.insert(next)
            way.most += 1
            last = next
        }
        return way.most > 0 ? way : nil
    }

    private static func classes(_ set: ByteSet, _ grammar: Grammar) -> [Int] {
        var found = ByteSet()
        for byte in UInt8.min ... .max where set.contains(byte) { found.insert(grammar.classes[Int(byte)]) }
        return (UInt8.min ... .max).filter(found.contains).map(Int.init)
    }

    /// The one state that all characters lead to; nil: there are several.
    private static func step(_ state: Int32, _ classes: [[[Int]]], _ automaton: inout GrammarAutomaton) -> Int32? {
        var target: Int32?
        for character in classes {
            var reached: Set = [state]
            for set in character {
                var next: Set<Int32> = []
                for state in reached {
                    for number in set { next.insert(automaton.next(state, class: number)) }
                }
                reached = next
            }
            // Empty: no token begins like this.
            guard let first = reached.first else { continue }
            guard reached.count == 1, first == target ?? first else { return nil }
            target = first
        }
        return target ?? GrammarAutomaton.dead
    }
}
