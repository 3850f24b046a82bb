/// What `/set` changes, on top of the command's options.
struct ChatSettings {
    /// The options as given at the start.
    let initial: SamplingOptions
    let initialTokenCount: Int?
    private(set) var options: SamplingOptions
    /// Most new tokens of an answer; nil: as many as the context has room for.
    private(set) var tokenCount: Int?

    init(_ options: SamplingOptions, tokenCount: Int?) {
        initial = options
        initialTokenCount = tokenCount
        self.options = options
        self.tokenCount = tokenCount
    }

    static let names = ["temperature", "top-k", "top-p", "min-p", "repetition-penalty", "seed", "tokens"]

    mutating func set(_ name: String, _ text: String) throws(ChatCommandError) {
        let value = text == "default" ? nil : text
        switch name {
        case "temperature": options.temperature = try number(name, value, 0...100) ?? initial.temperature
        case "top-k": options.topK = try integer(name, value, 1...Int(Int32.max)) ?? initial.topK
        case "top-p": options.topP = try number(name, value, 0...1) ?? initial.topP
        case "min-p": options.minP = try number(name, value, 0...1) ?? initial.minP
        case "repetition-penalty":
            options.repetitionPenalty = try number(name, value, 1e-3...1e3) ?? initial.repetitionPenalty
        case "seed": options.seed = try integer(name, value, 0...Int.max).map(UInt64.init) ?? initial.seed
        case "tokens": tokenCount = try integer(name, value, 1...Int(Int32.max)) ?? initialTokenCount
        default:
            throw ChatCommandError(message: "\(name) is no setting; there are \(Self.names.joined(separator: ", "))")
        }
    }

    private func number(
        _ name: String, _ text: String?, _ range: ClosedRange<Double>
    ) throws(ChatCommandError) -> Double? {
        guard let text else { return nil }
        guard let value = Double(text), range.contains(value) else {
            throw ChatCommandError(
                message: "\(name) is \(text); it must be \(range.lowerBound) to \(range.upperBound), or default")
        }
        return value
    }

    private func integer(_ name: String, _ text: String?, _ range: ClosedRange<Int>) throws(ChatCommandError) -> Int? {
        guard let text else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw ChatCommandError(
                message:
                    "\(name) is \(text); it must be a whole number from \(range.lowerBound) to \(range.upperBound), "
                    + "or default")
        }
        return value
    }

    var description: String {
        let values: [(String, String?)] = [
            ("temperature", options.temperature.map { "\($0)" }), ("top-k", options.topK.map { "\($0)" }),
            ("top-p", options.topP.map { "\($0)" }), ("min-p", options.minP.map { "\($0)" }),
            ("repetition-penalty", options.repetitionPenalty.map { "\($0)" }),
            ("seed", options.seed.map { "\($0)" }), ("tokens", tokenCount.map { "\($0)" }),
        ]
        return values.map { "\(padded($0, 20))\($1 ?? "default")\n" }.joined()
    }
}
