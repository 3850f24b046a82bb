/// Cutting, replacing and joining strings.
extension TemplateText {
    /// Parts between the places where `separator` stands; nil for an empty one. At most `limit` cuts.
    func pieces(separatedBy separator: TemplateText, limit: Int = .max) -> [TemplateText]? {
        if separator.count == 0 { return nil }
        var pieces: [TemplateText] = []
        var start = 0
        while pieces.count < limit, let found = firstIndex(of: separator, from: start) {
            pieces.append(part(start..<found))
            start = found + separator.count
        }
        pieces.append(part(start..<count))
        return pieces
    }

    func piecesFromEnd(separatedBy separator: TemplateText, limit: Int) -> [TemplateText]? {
        reversed.pieces(separatedBy: separator.reversed, limit: limit)?.reversed().map(\.reversed)
    }

    /// Words between white space. What is left after `limit` cuts keeps its white space inside.
    func words(limit: Int = .max) -> [TemplateText] {
        var words: [TemplateText] = []
        var index = 0
        while true {
            while index < count, Self.isSpace(units[index]) { index += 1 }
            if index == count { return words }
            if words.count == limit { return words + [part(index..<count)] }
            let start = index
            while index < count, !Self.isSpace(units[index]) { index += 1 }
            words.append(part(start..<index))
        }
    }

    func wordsFromEnd(limit: Int) -> [TemplateText] {
        var words: [TemplateText] = []
        var end = count
        while true {
            while end > 0, Self.isSpace(units[end - 1]) { end -= 1 }
            if end == 0 { return words.reversed() }
            if words.count == limit { return [part(0..<end)] + words.reversed() }
            let last = end
            while end > 0, !Self.isSpace(units[end - 1]) { end -= 1 }
            words.append(part(end..<last))
        }
    }
}

extension TemplateSlice {
    /// The stretch that a slice with step 1 takes.
    func range(count: Int) -> Range<Int> {
        func place(_ bound: Int) -> Int { min(max(bound < 0 ? bound + count : bound, 0), count) }
        let low = first.map { place($0) } ?? 0
        return low..<max(low, end.map { place($0) } ?? count)
    }
}

extension TemplateRenderer {
    func split(
        _ text: TemplateText, _ call: TemplateCall, fromEnd: Bool
    ) throws(ChatTemplateError) -> TemplateItem {
        let separator = try optionalText(call.argument(0, "sep"), "split")
        var limit = Int.max
        if let count = call.argument(1, "maxsplit") {
            guard let count = count.integer else { throw Self.wrongArguments("split") }
            if count >= 0 { limit = count }
        }
        let pieces: [TemplateText]?
        if let separator {
            try spend(units: text.count)
            pieces =
                fromEnd
                ? text.piecesFromEnd(separatedBy: separator, limit: limit)
                : text.pieces(separatedBy: separator, limit: limit)
        } else {
            pieces = fromEnd ? text.wordsFromEnd(limit: limit) : text.words(limit: limit)
        }
        guard let pieces else { throw .invalidOperation(problem: "split needs a separator that is not empty") }
        return try makeList(pieces.map { .text($0) })
    }

    func partition(
        _ text: TemplateText, _ call: TemplateCall, _ name: String
    ) throws(ChatTemplateError) -> TemplateItem {
        let separator = try requiredText(call, 0, name)
        if separator.count == 0 { throw Self.wrongArguments(name) }
        let isFirst = name == "partition"
        let found = isFirst ? text.firstIndex(of: separator) : text.lastIndex(of: separator)
        let empty = TemplateText([])
        var parts = isFirst ? [text, empty, empty] : [empty, empty, text]
        if let found {
            let end = found + separator.count
            parts = [text.part(0..<found), text.part(found..<end), text.part(end..<text.count)]
        }
        return try makeList(parts.map { .text($0) }, .tuple)
    }

    func replaced(_ text: TemplateText, _ call: TemplateCall) throws(ChatTemplateError) -> TemplateItem {
        guard case .text(let old)? = call.argument(0, "old"), case .text(let new)? = call.argument(1, "new") else {
            throw Self.wrongArguments("replace")
        }
        var limit = Int.max
        if let count = call.argument(2, "count") {
            switch count {
            case .null: break
            default:
                guard let count = count.integer else { throw Self.wrongArguments("replace") }
                if count >= 0 { limit = count }
            }
        }
        try spend(units: text.count)
        let pieces: [TemplateText]
        if old.count == 0 {
            pieces = Self.emptyReplacement(text, limit: limit)
        } else {
            pieces = text.pieces(separatedBy: old, limit: limit) ?? [text]
        }
        return try joined(pieces.map { .text($0) }, separator: new, isMarkup: text.isMarkup)
    }

    /// Pieces between which an empty text is replaced: before each character and at the end, `limit` times.
    private static func emptyReplacement(_ text: TemplateText, limit: Int) -> [TemplateText] {
        if limit == 0 { return [text] }
        var pieces = [TemplateText([])]
        for index in 0..<text.count {
            if pieces.count == limit { return pieces + [text.part(index..<text.count)] }
            pieces.append(text.part(index..<index + 1))
        }
        return pieces + [TemplateText([])]
    }

    /// Parts with the separator between them. Python's `str.join` takes strings alone.
    func joined(
        _ items: [TemplateItem], separator: TemplateText, needsText: Bool = false, isMarkup: Bool = false
    ) throws(ChatTemplateError) -> TemplateItem {
        var units: [UInt32] = []
        for (index, item) in items.enumerated() {
            if index > 0 { units += separator.units }
            if needsText {
                guard case .text = item else { throw Self.unsupported("join", item) }
            }
            units += try text(item).units
            try checkLength(units.count)
        }
        return try made(TemplateText(units, isMarkup: isMarkup))
    }
}
