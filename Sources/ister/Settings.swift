import IsterCheckpoint

/// Settings of a command that may come from four places. The first that has one wins: flag, environment, file, default.
struct Settings {
    enum Source: Equatable {
        case flag
        /// The variable's name.
        case environment(String)
        /// The file's path.
        case file(String)
        case `default`

        var description: String {
            switch self {
            case .flag: "flag"
            case .environment(let name): "environment \(name)"
            case .file(let path): "file \(path)"
            case .default: "default"
            }
        }
    }

    /// A setting as it was read, for `--print-config`.
    struct Entry: Equatable {
        var name: String
        /// Several only where a setting may be repeated.
        var values: [String]
        var source: Source
    }

    private let flags: [String: [String]]
    private let environment: [String: String]
    private let file: [String: [String]]
    private let path: String
    private(set) var entries: [Entry] = []

    /// - Parameters:
    ///   - flags: what the command line has, by the name of the option.
    ///   - file: nil without one.
    init(flags: [String: [String]], environment: [String: String], file: ConfigurationFile?) {
        self.flags = flags
        self.environment = environment
        self.file = file?.values ?? [:]
        path = file?.path ?? ""
    }

    /// "drain-timeout" is ISTER_DRAIN_TIMEOUT.
    static func variable(_ name: String) -> String {
        "ISTER_" + name.uppercased().map { $0 == "-" ? "_" : $0 }
    }

    private mutating func values(_ name: String, default fallback: [String]) -> Entry {
        let variable = Self.variable(name)
        let entry: Entry
        if let values = flags[name], !values.isEmpty {
            entry = Entry(name: name, values: values, source: .flag)
        } else if let value = environment[variable], !value.isEmpty {
            entry = Entry(name: name, values: [value], source: .environment(variable))
        } else if let values = file[name] {
            entry = Entry(name: name, values: values, source: .file(path))
        } else {
            entry = Entry(name: name, values: fallback, source: .default)
        }
        entries.append(entry)
        return entry
    }

    /// A setting that is read in another form than it is written.
    mutating func value<Value>(
        _ name: String, default fallback: Value?, shown: String, needed: String, _ read: (String) -> Value?
    ) throws(Failure) -> Value? {
        let entry = values(name, default: [shown])
        if entry.source == .default { return fallback }
        guard entry.values.count == 1, let value = read(entry.values[0]) else { throw refusal(entry, needed) }
        return value
    }

    mutating func text(_ name: String, default fallback: String? = nil) throws(Failure) -> String? {
        try value(name, default: fallback, shown: fallback ?? "", needed: "one text") { $0 }
    }

    mutating func integer(
        _ name: String, default fallback: Int?, in range: ClosedRange<Int>, shown: String? = nil
    ) throws(Failure) -> Int? {
        try value(
            name, default: fallback, shown: shown ?? fallback.map(String.init) ?? "",
            needed: "\(range.lowerBound) to \(range.upperBound)"
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }

    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(Failure) -> Int {
        try integer(name, default: Optional(fallback), in: range) ?? fallback
    }

    mutating func seconds(_ name: String, default fallback: Double) throws(Failure) -> Double {
        let found = try value(
            name, default: fallback, shown: fallback.description, needed: "seconds, 0 to 86400"
        ) { text in Double(text).flatMap { (0...86400).contains($0) ? $0 : nil } }
        return found ?? fallback
    }

    mutating func isOn(_ name: String) throws(Failure) -> Bool {
        let found = try value(name, default: false, shown: "false", needed: "true or false") { text -> Bool? in
            switch text.lowercased() {
            case "true", "1", "on", "yes", "enabled": true
            case "false", "0", "off", "no", "disabled": false
            default: nil
            }
        }
        return found ?? false
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Choice
    ) throws(Failure) -> Choice where Choice.RawValue == String {
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        let found = try value(name, default: fallback, shown: fallback.rawValue, needed: "one of \(known)") {
            Choice(rawValue: $0)
        }
        return found ?? fallback
    }

    /// May be repeated; in the environment and in one text of a file, commas separate.
    mutating func list(_ name: String) -> [String] {
        let entry = values(name, default: [])
        if entry.source == .flag { return entry.values }
        return entry.values.flatMap { $0.split(separator: ",").map { String($0.drop { $0 == " " }) } }
    }

    /// What is wrong on the command line is a wrong use; elsewhere it is a wrong configuration.
    private func refusal(_ entry: Entry, _ needed: String) -> Failure {
        let found = entry.values.joined(separator: ", ")
        let where_ =
            switch entry.source {
            case .flag, .default: "--\(entry.name)"
            case .environment(let variable): variable
            case .file(let path): "\(path): \(entry.name)"
            }
        return Failure(
            entry.source == .flag ? .usage : .configuration, "\(where_) is \(found); it must be \(needed)")
    }

    /// Refuses names in the file that nothing asked for: a misspelled setting must not be a default in silence.
    func requireKnown() throws(Failure) {
        let known = Set(entries.map(\.name))
        guard let unknown = file.keys.filter({ !known.contains($0) }).min() else { return }
        throw Failure(.configuration, "\(path): \(unknown) is not a setting")
    }

    /// Each value and where it comes from.
    func report(secrets: Set<String>) -> String {
        let width = entries.map(\.name.count).max() ?? 0
        return entries.map { entry in
            let isHidden = secrets.contains(entry.name) && !entry.values.allSatisfy(\.isEmpty)
            let shown = isHidden ? "********" : entry.values.joined(separator: ",")
            let name = entry.name + String(repeating: " ", count: width - entry.name.count)
            return "\(name)  \(shown.isEmpty ? "-" : shown)  (\(entry.source.description))\n"
        }.joined()
    }
}

/// A JSON object of settings: texts, numbers, true and false, and lists of texts.
struct ConfigurationFile {
    var path: String
    var values: [String: [String]] = [:]

    /// A file that cannot be read is a wrong configuration like one that says nonsense.
    static func read(_ path: String) throws(Failure) -> ConfigurationFile {
        let bytes: [UInt8]
        do { bytes = try InputFile.read(path) } catch { throw Failure(.configuration, error.message) }
        return try ConfigurationFile(path: path, bytes: bytes)
    }

    init(path: String, bytes: [UInt8]) throws(Failure) {
        self.path = path
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            throw Failure(.configuration, "\(path): \(error)")
        }
        guard case .object(let object) = value else {
            throw Failure(.configuration, "\(path): it must be a JSON object")
        }
        for entry in object.entries {
            let name = String(decoding: entry.key, as: UTF8.self)
            guard let texts = Self.texts(entry.value) else {
                throw Failure(
                    .configuration, "\(path): \(name) must be a text, a number, true, false or a list of texts")
            }
            values[String(name.map { $0 == "_" ? "-" : $0 })] = texts
        }
    }

    private static func texts(_ value: JSONValue) -> [String]? {
        switch value {
        case .string(let bytes): [String(decoding: bytes, as: UTF8.self)]
        case .integer(let number): [String(number)]
        case .number(let number): [number.description]
        case .bool(let isOn): [isOn ? "true" : "false"]
        case .array(let values):
            values.reduce(into: [String]?.some([])) { all, value in
                guard case .string(let bytes) = value else { return all = nil }
                all?.append(String(decoding: bytes, as: UTF8.self))
            }
        case .null, .object: nil
        }
    }
}
