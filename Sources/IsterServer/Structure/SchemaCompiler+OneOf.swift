/// What `oneOf` looks at in a schema.
struct SchemaOutline {
    /// All that a document may have; an integer is a number, too.
    var types: Set<SchemaType>
    /// Of `enum` or `const`, by their numbers; nil: the schema has neither.
    var values: Set<Int>?
    /// Schemas of the required members that are described.
    var members: [[UInt8]: JSONValue] = [:]
    /// Their keys, in the schema's order.
    var keys: [String] = []
}

/// `oneOf` asks for a document that fits one schema and no other. A grammar is a union, so the schemas must exclude
/// each other in a way that can be seen: by their types, by their values, or by a required member that does.
extension SchemaCompiler {
    private static let chainLimit = 32
    /// How deep members are looked into.
    private static let depthLimit = 4
    /// Schemas of one `oneOf`: every pair is compared.
    private static let countLimit = 64
    /// What a pair takes beside its values and members.
    private static let pairSteps = 32

    private struct Place {
        var schema: JSONValue
        var pointer: String
    }

    mutating func requireDisjoint(_ value: JSONValue, _ pointer: String) throws(APIError) {
        guard case .array(let schemas) = value else { return }
        guard schemas.count <= Self.countLimit else {
            throw refuse(pointer, "more than \(Self.countLimit) schemas")
        }
        let places = schemas.enumerated().map { Place(schema: $1, pointer: "\(pointer)/\($0)") }
        for right in places.indices {
            for left in 0..<right {
                guard try !areDisjoint(places[left], places[right], depth: Self.depthLimit) else { continue }
                throw refuse(
                    pointer,
                    "schemas \(left) and \(right) might both hold; use 'anyOf', or tell them apart by 'type', 'const', "
                        + "'enum' or a required property that does")
            }
        }
    }

    private mutating func areDisjoint(_ left: Place, _ right: Place, depth: Int) throws(APIError) -> Bool {
        let (left, right) = (try resolved(left), try resolved(right))
        guard let first = try outline(left), let second = try outline(right) else { return false }
        try spend(Self.pairSteps, left.pointer)
        if first.types.isDisjoint(with: second.types) { return true }
        if let values = first.values, let others = second.values {
            try spend(min(values.count, others.count) / 4, left.pointer)
            return values.isDisjoint(with: others)
        }
        // Only if neither can be anything but an object, or they might meet elsewhere.
        guard depth > 0, first.types.intersection(second.types) == [.object] else { return false }
        try spend(first.keys.count, left.pointer)
        for key in first.keys {
            guard let one = first.members[key.bytes], let other = second.members[key.bytes] else { continue }
            let member = Place(schema: one, pointer: Self.pointer(ofProperty: key, left.pointer))
            let otherMember = Place(schema: other, pointer: Self.pointer(ofProperty: key, right.pointer))
            if try areDisjoint(member, otherMember, depth: depth - 1) { return true }
        }
        return false
    }

    /// Follows references.
    private mutating func resolved(_ place: Place) throws(APIError) -> Place {
        var place = place
        for _ in 0..<Self.chainLimit {
            guard case .object(let object) = place.schema else { break }
            try spend(1 + object.members.count / 16, place.pointer)
            guard case .string(let reference)? = object["$ref"] else { break }
            place = Place(schema: try target(reference, from: place.pointer), pointer: reference)
        }
        return place
    }

    /// A schema that is referred to may not be compiled yet, so its limits are looked at here, too. nil: a boolean.
    private mutating func outline(_ place: Place) throws(APIError) -> SchemaOutline? {
        if let known = outlines[place.pointer.bytes] { return known }
        guard case .object(let object) = place.schema else { return nil }
        let values = Self.values(object)
        var outline = SchemaOutline(types: Self.types(object, values?.list))
        if let (list, keyword) = values {
            try requireValues(list, place.pointer + "/" + keyword)
            outline.values = Set(list.map { number(of: $0) })
        } else if outline.types.contains(.object), case .object(let properties)? = object["properties"] {
            try requireFew(properties.members.count, place.pointer + "/properties")
            let required = Set(try requiredKeys(object, place.pointer).map(\.bytes))
            try spend(properties.members.count + required.count, place.pointer)
            for member in properties.members where required.contains(member.key.bytes) {
                outline.members[member.key.bytes] = member.value
                outline.keys.append(member.key)
            }
        }
        outlines[place.pointer.bytes] = outline
        return outline
    }

    private static func types(_ object: JSONObject, _ values: [JSONValue]?) -> Set<SchemaType> {
        let all = Set(SchemaType.allCases)
        if let values { return Set(values.flatMap { value in all.filter { $0.holds(value) } }) }
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

    private static func values(_ object: JSONObject) -> (list: [JSONValue], keyword: String)? {
        if let value = object["const"] { return ([value], "const") }
        if case .array(let values)? = object["enum"] { return (values, "enum") }
        return nil
    }

    /// The same number for equal values.
    private mutating func number(of value: JSONValue) -> Int {
        let text = Self.canonical(value).line
        if let known = valueIDs[text] { return known }
        let number = valueIDs.count
        valueIDs[text] = number
        return number
    }

    /// JSON Schema's equality (draft 2020-12 core, 4.2.2) as equal texts: 1 and 1.0 are one value, and the order of
    /// members says nothing.
    private static func canonical(_ value: JSONValue) -> JSONValue {
        switch value {
        // -0 is 0, too.
        case .integer, .number: .number((value.double ?? 0) + 0)
        case .array(let values): .array(values.map(canonical))
        case .object(let object):
            .object(
                JSONObject(
                    members: object.members.map { .init(key: $0.key, value: canonical($0.value)) }
                        .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }))
        default: value
        }
    }
}
