import HTTPTypes
import Testing

@testable import IsterGenerator
@testable import IsterServer

/// Schemas that ask for much in few bytes.
@Suite struct SchemaLimitTests {
    /// The refusal of a schema and the steps that it took.
    private func refusal(_ schema: JSONValue, fuel: Int = SchemaCompiler.fuelLimit) -> (error: APIError?, steps: Int) {
        var grammar = JSONGrammar()
        var left = fuel
        let error = #expect(throws: APIError.self) {
            try SchemaCompiler.rule(schema, in: &grammar, fuel: &left, path: "schema")
        }
        return (error, fuel - left)
    }

    private func choice(of places: [String], _ definitions: JSONObject) -> JSONValue {
        ["oneOf": .array(places.map { ["$ref": .string($0)] }), "$defs": .object(definitions)]
    }

    private func definitions(_ count: Int, _ schema: (Int) -> JSONValue) -> JSONObject {
        JSONObject(members: (0..<count).map { .init(key: "d\($0)", value: schema($0)) })
    }

    /// Without the limit all pairs of values would be compared first: the same values do not exclude each other.
    @Test func `limits hold for what a oneOf refers to before it is compared`() {
        let many: JSONValue = ["enum": .array((0...SchemaCompiler.enumLimit).map { .integer($0) })]
        let (error, _) = refusal(choice(of: ["#/$defs/d0", "#/$defs/d1"], definitions(2) { _ in many }))
        #expect(error?.message.contains("at '#/$defs/d0/enum': more than 1000 values") == true)
        let wide: JSONValue = ["type": "object", "properties": .object(definitions(5001) { _ in true })]
        let (other, _) = refusal(choice(of: ["#/$defs/d0", "#/$defs/d1"], definitions(2) { _ in wide }))
        #expect(other?.message.contains("at '#/$defs/d0/properties': more than 5000") == true)
    }

    @Test func `values are told apart by hash, whatever their number`() throws {
        let lists = definitions(8) { list in
            ["enum": .array((0..<1000).map { .integer(1000 * list + $0) })]
        }
        var grammar = JSONGrammar()
        var fuel = SchemaCompiler.fuelLimit
        let schema = choice(of: (0..<8).map { "#/$defs/d\($0)" }, lists)
        _ = try SchemaCompiler.rule(schema, in: &grammar, fuel: &fuel, path: "schema")
        // Each list is read once to be compiled and once to be compared, and 28 pairs of 1,000 values are looked up.
        #expect(SchemaCompiler.fuelLimit - fuel < 40_000)
    }

    static let equal: [(JSONValue, JSONValue)] = [
        (1, .number(1)), (0, .number(-0.0)), ([1], [.number(1)]), (["a": 1, "b": [2]], ["b": [.number(2)], "a": 1]),
    ]

    @Test(arguments: equal) func `equal values exclude nothing, however they are written`(
        left: JSONValue, right: JSONValue
    ) {
        let (error, _) = refusal(["oneOf": [["const": left], ["const": right]]])
        #expect(error?.message.contains("might both hold") == true)
    }

    /// 64 chains of 30 references, all of whose pairs are compared, among 400 definitions.
    @Test func `a schema that asks for much work over and over is refused as too large`() {
        let chains = definitions(400) { index in
            index < 369 ? ["$ref": .string("#/$defs/d\(index + 1)")] : ["type": "object"]
        }
        let schema = choice(of: (300..<364).map { "#/$defs/d\($0)" }, chains)
        let (error, steps) = refusal(schema, fuel: 4000)
        #expect(error?.message.contains("the schema is too large") == true, "\(error?.message ?? "")")
        #expect(error?.status == .badRequest && error?.code == "invalid_schema")
        #expect((4000...4400).contains(steps))
    }

    @Test func `a long pointer ends where it leads to nothing`() {
        let pointer = "#/none" + String(repeating: "/a", count: 1 << 15)
        let (error, steps) = refusal(["$ref": .string(pointer)])
        #expect(error?.message.contains("leads to nothing") == true)
        // Its length is paid for, its parts are not.
        #expect(steps < pointer.utf8.count / 8)
    }

    @Test func `5,000 properties are taken, more are not`() throws {
        func schema(_ count: Int) -> JSONValue {
            let keys: [JSONValue] = (0..<count).map { .string("d\($0)") }
            return [
                "type": "object", "properties": .object(definitions(count) { _ in ["type": "null"] }),
                "required": .array(keys),
            ]
        }
        #expect(try SchemaTests.grammar(schema(5000)).isPossible)
        #expect(refusal(schema(5001)).error?.message.contains("more than 5000 properties") == true)
    }

    @Test func `the schemas of one request share their fuel`() throws {
        let function = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"
        let value = try JSONReader.read(Array(function.utf8))
        var grammar = JSONGrammar()
        var fuel = 150
        _ = try SchemaCompiler.rule(value, in: &grammar, fuel: &fuel, path: "first")
        _ = try SchemaCompiler.rule(value, in: &grammar, fuel: &fuel, path: "second")
        #expect(throws: APIError.self) { try SchemaCompiler.rule(value, in: &grammar, fuel: &fuel, path: "third") }
    }

    @Test func `the parameter of a faulty schema is the response format or the function's field`() {
        let format = APIError.invalidSchema("response_format.json_schema.schema", "at '#': it is none")
        #expect(format.parameter == "response_format")
        #expect(format.message == "Invalid schema for 'response_format.json_schema.schema': at '#': it is none.")
        let function = APIError.invalidSchema("tools[0].function.parameters", "at '#': it is none")
        #expect(function.parameter == "tools[0].function.parameters")
    }
}
