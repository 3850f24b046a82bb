/// Typed reading. `nil` means absent or null; another type is an error that names the key.
extension JSONObject {
    public func integer(_ key: String) throws(JSONError) -> Int? {
        switch self[key] {
        case nil, .null?: return nil
        case .integer(let integer)?: return integer
        case .number(let number)? where Int(exactly: number) != nil: return Int(exactly: number)
        case let other?: throw .wrongType(key: key, wanted: "integer", found: other.kind)
        }
    }

    public func number(_ key: String) throws(JSONError) -> Double? {
        switch self[key] {
        case nil, .null?: return nil
        case .integer(let integer)?: return Double(integer)
        case .number(let number)?: return number
        case let other?: throw .wrongType(key: key, wanted: "number", found: other.kind)
        }
    }

    public func bool(_ key: String) throws(JSONError) -> Bool? {
        switch self[key] {
        case nil, .null?: return nil
        case .bool(let bool)?: return bool
        case let other?: throw .wrongType(key: key, wanted: "boolean", found: other.kind)
        }
    }

    public func bytes(_ key: String) throws(JSONError) -> [UInt8]? {
        switch self[key] {
        case nil, .null?: return nil
        case .string(let bytes)?: return bytes
        case let other?: throw .wrongType(key: key, wanted: "string", found: other.kind)
        }
    }

    /// For names and messages only; compare pieces of a vocabulary by `bytes`.
    public func text(_ key: String) throws(JSONError) -> String? {
        try bytes(key).map { String(decoding: $0, as: UTF8.self) }
    }

    public func array(_ key: String) throws(JSONError) -> [JSONValue]? {
        switch self[key] {
        case nil, .null?: return nil
        case .array(let values)?: return values
        case let other?: throw .wrongType(key: key, wanted: "array", found: other.kind)
        }
    }

    public func object(_ key: String) throws(JSONError) -> JSONObject? {
        switch self[key] {
        case nil, .null?: return nil
        case .object(let object)?: return object
        case let other?: throw .wrongType(key: key, wanted: "object", found: other.kind)
        }
    }

    /// `try object.required("size", object.integer)`
    public func required<T>(
        _ key: String, _ read: (String) throws(JSONError) -> T?
    ) throws(JSONError) -> T {
        guard let value = try read(key) else { throw .missing(key: key) }
        return value
    }
}
