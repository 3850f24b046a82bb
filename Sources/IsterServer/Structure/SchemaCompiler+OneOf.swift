/// `oneOf` asks for a document that fits one schema and no other. A grammar is a union, so the schemas must exclude each
/// other in a way that can be seen: by their types, by their values, or by a required member that does.
extension SchemaCompiler {
    private static let chainLimit = 32
    /// How deep members are looked into.
    private static let depthLimit = 4
    /// Schemas of one `oneOf`: every pair is compared.
    private static let countLimit = 64
    /// Pairs of schemas that are compared for one `oneOf`, members and all.
    private static let pairLimit = 1 << 14

    func requireDisjoint(_ value: JSONValue, _ pointer: String) throws(APIError) {
        guard case .array(let schemas) = value else { return }
        guard schemas.count <= Self.countLimit else {
            throw refuse(pointer, "more than \(Self.countLimit) schemas")
        }
        var pairCount = 0
        for right in schemas.indices {
            for left in 0..<right {
                let areDisjoint = try areDisjoint(
                    schemas[left], schemas[right], pointer, depth: Self.depthLimit, &pairCount)
                guard !areDisjoint else { continue }
                throw refuse(
                    pointer,
                    "schemas \(left) and \(right) might both hold; use 'anyOf', or tell them apart by 'type', 'const', "
                        + "'enum' or a required property that does")
            }
        }
    }

    private func areDisjoint(
        _ left: JSONValue, _ right: JSONValue, _ pointer: String, depth: Int, _ pairCount: inout Int
    ) throws(APIError) -> Bool {
        pairCount += 1
        guard pairCount <= Self.pairLimit else { throw refuse(pointer, "schemas that are too large to be compared") }
        guard case .object(let first) = try resolved(left, pointer),
            case .object(let second) = try resolved(right, pointer)
        else { return false }
        let (firstTypes, secondTypes) = (types(first), types(second))
        if firstTypes.isDisjoint(with: secondTypes) { return true }
        if let values = self.values(first), let others = self.values(second) {
            return !values.contains { value in others.contains { Self.areEqual($0, value) } }
        }
        // Only if neither can be anything but an object, or they might meet elsewhere.
        guard depth > 0, firstTypes.intersection(secondTypes) == [.object],
            case .object(let properties)? = first["properties"], case .object(let others)? = second["properties"]
        else { return false }
        let required = keys(first).intersection(keys(second))
        for key in required.sorted() {
            guard let one = properties[key], let other = others[key] else { continue }
            if try areDisjoint(one, other, pointer, depth: depth - 1, &pairCount) { return true }
        }
        return false
    }

    /// Follows references.
    private func resolved(_ schema: JSONValue, _ pointer: String) throws(APIError) -> JSONValue {
        var schema = schema
        for _ in 0..<Self.chainLimit {
            guard case .object(let object) = schema, case .string(let reference)? = object["$ref"] else { break }
            schema = try target(reference, from: pointer)
        }
        return schema
    }

    /// All that a document may have; an integer is a number, too.
    private func types(_ object: JSONObject) -> Set<SchemaType> {
        let all = Set(SchemaType.allCases)
        if let values = self.values(object) {
            return Set(values.flatMap { value in all.filter { $0.holds(value) } })
        }
        var names: Set<SchemaType> = []
        switch object["type"] {
        case .some(.string(let name)): names.formUnion(SchemaType(rawValue: name).map { [$0] } ?? [])
        case .some(.array(let list)):
            for case .string(let name) in list { names.formUnion(SchemaType(rawValue: name).map { [$0] } ?? []) }
        default: return all
        }
        if names.contains(.number) { names.insert(.integer) }
        return names
    }

    private func values(_ object: JSONObject) -> [JSONValue]? {
        if let value = object["const"] { return [value] }
        if case .array(let values)? = object["enum"] { return values }
        return nil
    }

    private func keys(_ object: JSONObject) -> Set<String> {
        guard case .array(let names)? = object["required"] else { return [] }
        var keys: Set<String> = []
        for case .string(let name) in names { keys.insert(name) }
        return keys
    }

    /// 1 and 1.0 are one value.
    private static func areEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
        left == right || (left.double != nil && left.double == right.double)
    }
}
