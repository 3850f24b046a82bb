/// Reads one JSON object of settings, names its file in errors and remembers which keys were asked for: what nobody
/// asked for is reported, so nothing is ignored in silence.
struct SettingsReader {
    let path: String
    let object: JSONObject
    private(set) var usedKeys: Set<[UInt8]> = []

    init(path: String, object: JSONObject) {
        self.path = path
        self.object = object
    }

    func has(_ key: String) -> Bool { object[key] != nil }

    mutating func integer(_ key: String) throws(CheckpointError) -> Int? { try read(key, object.integer) }
    mutating func number(_ key: String) throws(CheckpointError) -> Double? { try read(key, object.number) }
    mutating func bool(_ key: String) throws(CheckpointError) -> Bool? { try read(key, object.bool) }
    mutating func text(_ key: String) throws(CheckpointError) -> String? { try read(key, object.text) }
    mutating func array(_ key: String) throws(CheckpointError) -> [JSONValue]? { try read(key, object.array) }
    mutating func object(_ key: String) throws(CheckpointError) -> JSONObject? { try read(key, object.object) }

    mutating func requiredNumber(_ key: String) throws(CheckpointError) -> Double {
        guard let value = try number(key) else { throw .missingKey(path: path, key: key) }
        return value
    }

    /// A setting with one supported value: absent and null mean the same as `neutral`.
    mutating func require(_ key: String, isNeutral: [JSONValue], supported: String) throws(CheckpointError) {
        usedKeys.insert(Array(key.utf8))
        guard let value = object[key], value != .null, !isNeutral.contains(value) else { return }
        throw .unsupportedSetting(path: path, key: key, found: value.shortText, supported: supported)
    }

    mutating func ignore(_ keys: [String]) {
        for key in keys { usedKeys.insert(Array(key.utf8)) }
    }

    /// Keys that were neither read nor ignored, in the order of the file.
    var unknownKeys: [String] {
        object.entries.filter { !usedKeys.contains($0.key) }.map { String(decoding: $0.key, as: UTF8.self) }
    }

    private mutating func read<T>(
        _ key: String, _ get: (String) throws(JSONError) -> T?
    ) throws(CheckpointError) -> T? {
        usedKeys.insert(Array(key.utf8))
        do throws(JSONError) { return try get(key) } catch { throw .json(path: path, error) }
    }
}

extension JSONValue {
    /// For messages: scalars as they are, the rest by kind.
    var shortText: String {
        switch self {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .integer(let integer): "\(integer)"
        case .number(let number): "\(number)"
        case .string(let bytes): quoted(String(decoding: bytes, as: UTF8.self))
        case .array(let values): "an array of \(values.count)"
        case .object(let object): "an object of \(object.entries.count)"
        }
    }
}
