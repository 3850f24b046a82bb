import IsterGenerator
import IsterJSON

/// Turns JSON Schemas (draft 2020-12) into grammars. What a grammar cannot hold exactly is refused by keyword and
/// place, never left out: each document of the grammar is valid under the schema. The reverse does not hold: members
/// come in the order of `properties`, and members that the schema does not name are written only where
/// `additionalProperties` says so.
struct SchemaCompiler {
    /// Bounds what one schema may take, beside the grammar's own limit.
    static let enumLimit = 1000
    static let valueByteLimit = 1 << 16
    static let keyByteLimit = 256
    static let propertyLimit = 5000
    /// Places that are referred to.
    static let referenceLimit = 1024
    /// Work that all schemas of one request may take, in steps of about 0.1 us.
    static let fuelLimit = 1 << 22

    var grammar: JSONGrammar
    /// The schema's field, for errors.
    let path: String
    private let root: JSONValue
    /// Steps that are left.
    private var fuel: Int
    private var references: [[UInt8]: JSONGrammar.Rule] = [:]
    private var pending: [(pointer: String, rule: JSONGrammar.Rule)] = []
    /// What references lead to.
    private var targets: [[UInt8]: JSONValue] = [:]
    /// What `oneOf` has looked at, by its place.
    var outlines: [[UInt8]: SchemaOutline] = [:]
    /// Numbers of the values that `oneOf` compares, by their canonical text.
    var valueIDs: [[UInt8]: Int] = [:]

    private init(_ root: JSONValue, _ grammar: JSONGrammar, fuel: Int, path: String) {
        self.root = root
        self.grammar = grammar
        self.fuel = fuel
        self.path = path
    }

    /// The rule of a schema's documents. fuel: what the request's schemas have left of `fuelLimit`. path: the schema's
    /// field. A schema that cannot be held, or takes more than that, is a 400 of the code `invalid_schema`.
    static func rule(
        _ schema: JSONValue, in grammar: inout JSONGrammar, fuel: inout Int, path: String
    ) throws(APIError) -> JSONGrammar.Rule {
        var compiler = SchemaCompiler(schema, grammar, fuel: fuel, path: path)
        defer { fuel = compiler.fuel }
        let rule = try compiler.compile(schema, "#")
        // References are compiled one after the other: a chain of them costs no stack.
        while let (pointer, rule) = compiler.pending.popLast() {
            let schema = try compiler.target(pointer, from: pointer)
            compiler.grammar.define(rule, as: try compiler.compile(schema, pointer))
        }
        grammar = compiler.grammar
        return rule
    }

    func refuse(_ pointer: String, _ problem: String) -> APIError {
        .invalidSchema(path, "at '\(pointer.shortened)': \(problem)")
    }

    /// Counts work that a short schema might ask for over and over. pointer: what it is done for.
    mutating func spend(_ steps: Int, _ pointer: String) throws(APIError) {
        fuel -= steps
        guard fuel >= 0 else { throw refuse(pointer, "the schema is too large") }
    }

    /// pointer: where the schema stands, as a JSON pointer after `#`.
    mutating func compile(_ schema: JSONValue, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        if grammar.isTooLarge { throw refuse(pointer, "the schema is too large") }
        try spend(32 + pointer.utf8.count / 16, pointer)
        switch schema {
        case .bool(true): return grammar.any()
        case .bool(false): return grammar.any(of: [])
        case .object(let object): return try compile(object, pointer)
        default: throw refuse(pointer, "a schema is an object or a boolean, not \(schema.kind)")
        }
    }

    private mutating func compile(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        let keywords = try SchemaKeywords(object, isRoot: pointer == "#") { [self] in refuse(pointer, $0) }
        switch keywords.form {
        case .any: return grammar.any()
        case .reference(let value): return try reference(value, pointer + "/$ref")
        case .values(let values, let keyword):
            return try enumeration(values, types: keywords.types ?? [], pointer + "/" + keyword)
        case .anyOf(let value): return try union(value, pointer + "/anyOf")
        case .oneOf(let value):
            let rule = try union(value, pointer + "/oneOf")
            try requireDisjoint(value, pointer + "/oneOf")
            return rule
        case .allOf(let value):
            guard case .array(let schemas) = value, schemas.count == 1 else {
                throw refuse(pointer, "'allOf' is supported only of one schema")
            }
            return try compile(schemas[0], pointer + "/allOf/0")
        case .typed(let types):
            var rules: [JSONGrammar.Rule] = []
            for type in types { rules.append(try compile(object, type: type, pointer)) }
            return grammar.any(of: rules)
        }
    }

    private mutating func compile(
        _ object: JSONObject, type: SchemaType, _ pointer: String
    ) throws(APIError) -> JSONGrammar.Rule {
        switch type {
        case .null: grammar.literal(Array("null".utf8))
        case .boolean: grammar.any(of: [grammar.literal(Array("true".utf8)), grammar.literal(Array("false".utf8))])
        case .string: try string(object, pointer)
        case .integer: try integer(object, pointer)
        case .number: try number(object, pointer)
        case .array: try array(object, pointer)
        case .object: try self.object(object, pointer)
        }
    }

    private mutating func union(_ value: JSONValue, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        guard case .array(let schemas) = value, !schemas.isEmpty else {
            throw refuse(pointer, "a list of schemas is needed")
        }
        var rules: [JSONGrammar.Rule] = []
        for (index, schema) in schemas.enumerated() { rules.append(try compile(schema, "\(pointer)/\(index)")) }
        return grammar.any(of: rules)
    }

    private mutating func enumeration(
        _ values: [JSONValue], types: [SchemaType], _ pointer: String
    ) throws(APIError) -> JSONGrammar.Rule {
        try requireValues(values, pointer)
        let fitting = values.filter { value in types.isEmpty || types.contains { $0.holds(value) } }
        guard !fitting.isEmpty else { throw refuse(pointer, "no value has the type that 'type' asks for") }
        return grammar.any(of: fitting.map { grammar.literal($0.line) })
    }

    /// Refuses more values than a schema may list in one place, and values that were not read exactly.
    mutating func requireValues(_ values: [JSONValue], _ pointer: String) throws(APIError) {
        guard values.count <= Self.enumLimit else { throw refuse(pointer, "more than \(Self.enumLimit) values") }
        guard !values.contains(where: \.isRounded) else {
            throw refuse(pointer, "numbers from 2^53 on are supported only as integers of 64 bits")
        }
        let byteCount = values.reduce(0) { $0 + $1.line.count }
        guard byteCount <= Self.valueByteLimit else {
            throw refuse(pointer, "values of more than \(Self.valueByteLimit) bytes")
        }
        try spend(values.count + byteCount / 16, pointer)
    }

    private mutating func reference(_ value: JSONValue, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        guard case .string(let target) = value else { throw refuse(pointer, "a string is needed") }
        if let rule = references[target.bytes] { return rule }
        guard references.count < Self.referenceLimit else {
            throw refuse(pointer, "more than \(Self.referenceLimit) places are referred to")
        }
        _ = try self.target(target, from: pointer)
        let rule = grammar.reserve()
        references[target.bytes] = rule
        pending.append((target, rule))
        return rule
    }

    /// The schema that a reference names. pointer: where the reference stands.
    mutating func target(_ reference: String, from pointer: String) throws(APIError) -> JSONValue {
        try spend(1 + reference.utf8.count / 16, pointer)
        if let known = targets[reference.bytes] { return known }
        guard reference == "#" || reference.hasPrefix("#/") else {
            throw refuse(pointer, "only references within the schema ('#/…') are supported")
        }
        var value = root
        // Nothing is nested deeper than the reader allows, so what is left unsplit leads to nothing.
        let parts = reference.split(
            separator: "/", maxSplits: JSONReader.limits.depth + 1, omittingEmptySubsequences: false)
        for part in parts.dropFirst() where !value.isNull { value = try member(String(part), of: value, pointer) }
        guard !value.isNull else { throw refuse(pointer, "'\(reference.shortened)' leads to nothing") }
        targets[reference.bytes] = value
        return value
    }

    /// part: of a JSON pointer, as it stands in a URI. null: there is no such member or element.
    private mutating func member(
        _ part: String, of value: JSONValue, _ pointer: String
    ) throws(APIError) -> JSONValue {
        let key = (part.removingPercentEncoding ?? part).replacing("~1", with: "/").replacing("~0", with: "~")
        switch value {
        case .object(let object):
            try spend(1 + object.members.count / 16, pointer)
            return object[key] ?? .null
        case .array(let values):
            return Int(key).flatMap { values.indices.contains($0) ? values[$0] : nil } ?? .null
        default: return .null
        }
    }
}

extension JSONValue {
    /// Whether a number in it may have been read as another one: from 2^53 on not every integer is a float.
    fileprivate var isRounded: Bool {
        switch self {
        case .number(let value): abs(value) >= 0x1p53
        case .array(let values): values.contains(where: \.isRounded)
        case .object(let object): object.members.contains { $0.value.isRounded }
        default: false
        }
    }
}
