/// Writes rows of logits as they are computed: with all positions of a long prompt they are gigabytes of text.
struct LogitPrinter {
    let vocabularySize: Int
    let json: Bool
    /// The spelling of a token.
    let piece: (Int32) -> String
    private var isFirst = true
    private static let tableRows = 10

    init(vocabularySize: Int, json: Bool, piece: @escaping (Int32) -> String) {
        self.vocabularySize = vocabularySize
        self.json = json
        self.piece = piece
    }

    func begin() throws(Failure) {
        guard json else { return }
        try StandardOutput.write("{\"vocabulary_size\":\(vocabularySize),\"positions\":[")
    }

    mutating func print(index: Int, logits: [Float]) throws(Failure) {
        if json {
            let position = JSONText.object([("index", .integer(index)), ("logits", .floats(logits))])
            try StandardOutput.write((isFirst ? [] : Array(",".utf8)) + position.line)
        } else {
            try StandardOutput.write(table(index: index, logits: logits))
        }
        isFirst = false
    }

    func end() throws(Failure) {
        guard json else { return }
        try StandardOutput.write("]}\n")
    }

    private func table(index: Int, logits: [Float]) -> String {
        var lines = ["position \(index)"]
        let order = logits.indices.sorted {
            logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1)
        }
        for id in order.prefix(Self.tableRows) {
            let token = JSONText.string(piece(Int32(truncatingIfNeeded: id))).line.dropLast()
            lines.append(
                "\(paddedLeft(String(id), 8)) \(paddedLeft(decimals(Double(logits[id]), 4), 10))  "
                    + String(decoding: token, as: UTF8.self))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
