/// Tokens in the order of falling logit, equal logits by rising id. Building takes time linear in the tokens, taking
/// the best takes their logarithm, so a filter that keeps few of 128k tokens never sorts them all.
struct CandidateHeap {
    struct Candidate: Equatable {
        var logit: Float
        var id: Int32

        func precedes(_ other: Candidate) -> Bool {
            logit > other.logit || (logit == other.logit && id < other.id)
        }
    }

    private var items: [Candidate] = []

    var best: Candidate? { items.first }

    /// Empties the heap and keeps its memory for the next token.
    mutating func removeAll() {
        items.removeAll(keepingCapacity: true)
    }

    /// Adds without order; `order()` must follow before `best` or `takeBest()`.
    mutating func append(_ candidate: Candidate) {
        items.append(candidate)
    }

    mutating func order() {
        var parent = items.count / 2
        while parent > 0 {
            parent -= 1
            sink(from: parent)
        }
    }

    mutating func takeBest() -> Candidate? {
        guard let best = items.first, let last = items.popLast() else { return nil }
        if !items.isEmpty {
            items[0] = last
            sink(from: 0)
        }
        return best
    }

    private mutating func sink(from start: Int) {
        let moving = items[start]
        var hole = start
        while true {
            var child = 2 * hole + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
            guard items[child].precedes(moving) else { break }
            items[hole] = items[child]
            hole = child
        }
        items[hole] = moving
    }
}
