import ArgumentParser
import IsterDecoder

/// `--threads N`.
struct ThreadOption: ParsableArguments {
    @Option(name: [.customShort("t"), .long], help: "Threads; by default as many as this process may use cores.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads is \(threads); it must be 1 to 1024")
        }
    }
}

/// `--kv FORMAT`.
struct CacheOption: ParsableArguments {
    @Option(
        name: .customLong("kv"),
        help: "Keys and values in the cache: f32, f16 or q8 (int8); by default f16, f32 for files of floats.",
        transform: { text throws(ValidationError) in
            guard let format = CacheFormat(rawValue: text) else {
                let known = CacheFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("it must be one of \(known)")
            }
            return format
        })
    var format: CacheFormat?
}

/// Token ids in the form `1,2,3`.
struct TokenIDs: ExpressibleByArgument {
    var ids: [Int32]

    init?(argument: String) {
        ids = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let id = Int32(part) else { return nil }
            ids.append(id)
        }
    }
}

/// Counts in the form `128` or `1,4,16`.
struct CountList: ExpressibleByArgument {
    var values: [Int]

    init(_ values: [Int]) {
        self.values = values
    }

    init?(argument: String) {
        values = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let value = Int(part), value >= 0, value <= 1 << 30 else { return nil }
            values.append(value)
        }
    }

    var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
