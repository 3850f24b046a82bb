/// Types of metadata values, numbered as in the GGUF specification.
enum GGUFValueType: UInt32, Sendable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Bytes of one value in the file; for strings the least, an empty one.
    var minimumBytes: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }

    /// As in the specification and in error messages.
    var name: String {
        switch self {
        case .uint8: "u8"
        case .int8: "i8"
        case .uint16: "u16"
        case .int16: "i16"
        case .uint32: "u32"
        case .int32: "i32"
        case .float32: "f32"
        case .bool: "bool"
        case .string: "string"
        case .array: "array"
        case .uint64: "u64"
        case .int64: "i64"
        case .float64: "f64"
        }
    }
}

/// One metadata value with the type it had in the file.
enum GGUFValue: Sendable, Equatable {
    case integer(Int, GGUFValueType)
    case float(Double, GGUFValueType)
    case bool(Bool)
    case string([UInt8])
    case integers([Int], GGUFValueType)
    case floats([Float])
    case doubles([Double])
    case bools([Bool])
    case strings([[UInt8]])
    /// An array that nobody reads: only the type of its elements is known.
    case skipped(GGUFValueType)

    var kind: String {
        switch self {
        case .integer(_, let type), .float(_, let type): type.name
        case .bool: "bool"
        case .string: "string"
        case .integers(_, let type): type.name + "[]"
        case .floats: "f32[]"
        case .doubles: "f64[]"
        case .bools: "bool[]"
        case .strings: "string[]"
        case .skipped(let type): type.name + "[]"
        }
    }
}

/// The keys of one file. Getters give nil when the key is absent and name the wanted and the found type otherwise.
struct GGUFMetadata: Sendable {
    let path: String
    private(set) var values: [String: GGUFValue] = [:]
    /// In the order of the file.
    private(set) var keys: [String] = []

    init(path: String) { self.path = path }

    /// False when the key is there already.
    mutating func append(_ key: String, _ value: GGUFValue) -> Bool {
        if values.updateValue(value, forKey: key) != nil { return false }
        keys.append(key)
        return true
    }

    func integer(_ key: String) throws(CheckpointError) -> Int? {
        switch values[key] {
        case nil: return nil
        case .integer(let integer, _)?: return integer
        case let other?: throw wrongType(key, "an integer", other)
        }
    }

    func number(_ key: String) throws(CheckpointError) -> Double? {
        switch values[key] {
        case nil: return nil
        case .float(let number, _)? where number.isFinite: return number
        case .float(let number, _)?:
            throw .settingOutOfRange(path: path, key: key, found: "\(number)", need: "a finite number")
        case let other?: throw wrongType(key, "f32 or f64", other)
        }
    }

    func bool(_ key: String) throws(CheckpointError) -> Bool? {
        switch values[key] {
        case nil: return nil
        case .bool(let bool)?: return bool
        case let other?: throw wrongType(key, "bool", other)
        }
    }

    func bytes(_ key: String) throws(CheckpointError) -> [UInt8]? {
        switch values[key] {
        case nil: return nil
        case .string(let bytes)?: return bytes
        case let other?: throw wrongType(key, "string", other)
        }
    }

    /// A string that must be UTF-8.
    func text(_ key: String) throws(CheckpointError) -> String? {
        guard let bytes = try bytes(key) else { return nil }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw .malformed(path: path, what: key, found: "not UTF-8", need: "UTF-8")
    }

    func integers(_ key: String) throws(CheckpointError) -> [Int]? {
        switch values[key] {
        case nil: return nil
        case .integers(let integers, _)?: return integers
        case let other?: throw wrongType(key, "an array of integers", other)
        }
    }

    func floats(_ key: String) throws(CheckpointError) -> [Float]? {
        switch values[key] {
        case nil: return nil
        case .floats(let floats)?: return floats
        case let other?: throw wrongType(key, "f32[]", other)
        }
    }

    func strings(_ key: String) throws(CheckpointError) -> [[UInt8]]? {
        switch values[key] {
        case nil: return nil
        case .strings(let strings)?: return strings
        case let other?: throw wrongType(key, "string[]", other)
        }
    }

    func required<T>(
        _ key: String, _ get: (String) throws(CheckpointError) -> T?
    ) throws(CheckpointError) -> T {
        guard let value = try get(key) else { throw .missingKey(path: path, key: key) }
        return value
    }

    private func wrongType(_ key: String, _ need: String, _ found: GGUFValue) -> CheckpointError {
        .wrongValueType(path: path, key: key, need: need, found: found.kind)
    }
}
