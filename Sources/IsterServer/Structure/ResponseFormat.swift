import IsterGenerator
import IsterTokenizer
import Synchronization

/// The vocabulary's tokens by their bytes, made when the first request needs them: that takes a tenth of a second for
/// 150,000 tokens.
final class ConstraintVocabulary: Sendable {
    private let model: ServedModel
    private let made = Mutex<TokenTrie?>(nil)

    init(_ model: ServedModel) {
        self.model = model
    }

    var tokens: TokenTrie {
        made.withLock { trie in
            if let trie { return trie }
            let (tokenizer, endTokens) = (model.tokenizer, model.endTokens)
            // What steers the model or ends its answer never stands inside a document, however it is spelled.
            let new = TokenTrie(vocabularySize: tokenizer.vocabularySize) { id in
                tokenizer.isSpecial(id) || endTokens.contains(id) ? [] : tokenizer.textBytes(id)
            }
            trie = new
            return new
        }
    }
}

/// `response_format`: what the answer must be.
struct ResponseFormat {
    private static let formatFields = FieldTable(
        [Field("type", .string(byteLimit: 64)), Field("json_schema", .object), Field("schema", .any)],
        required: ["type"])
    private static let schemaFields = FieldTable(
        [
            Field("name", .string(byteLimit: 64)), Field("description", .string(byteLimit: 4096)),
            Field("schema", .any), Field("strict", .anyBoolean),
        ], required: ["name", "schema"])

    /// nil: any text.
    static func constraint(
        _ format: JSONObject?, vocabulary: ConstraintVocabulary, isLenient: Bool
    ) throws(APIError) -> Constraint? {
        guard let format else { return nil }
        let outer = try formatFields.check(format, isLenient: isLenient, path: "response_format.")
        switch outer.string("type") ?? "" {
        case "text":
            try refuse(["json_schema", "schema"], outer)
            return nil
        case "json_object":
            // llama.cpp takes a schema here, too.
            try refuse(["json_schema"], outer)
            let anyObject: JSONValue = ["type": "object"]
            return try constraint(outer["schema"] ?? anyObject, vocabulary, path: "response_format.schema")
        case "json_schema":
            try refuse(["schema"], outer)
            let path = "response_format.json_schema"
            guard let object = outer.object("json_schema") else { throw .missing(path) }
            let fields = try schemaFields.check(object, isLenient: isLenient, path: path + ".")
            try requireName(fields.string("name") ?? "", path + ".name")
            return try constraint(fields["schema"] ?? .null, vocabulary, path: path + ".schema")
        default:
            throw .unsupportedValue("response_format.type", "'text', 'json_object' and 'json_schema'")
        }
    }

    /// Refuses fields of other types, also where unknown ones are ignored: a schema without an effect is a mistake.
    private static func refuse(_ names: [String], _ fields: Fields) throws(APIError) {
        for name in names where fields[name] != nil { throw .unknownField("response_format." + name) }
    }

    /// OpenAI's rule for names of schemas and functions.
    static func requireName(_ name: String, _ path: String) throws(APIError) {
        let isValid = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isValid, (1...64).contains(name.utf8.count) else {
            throw .invalidValue(path, "expected 1 to 64 of the characters a-z, A-Z, 0-9, '_' and '-'.")
        }
    }

    private static func constraint(
        _ schema: JSONValue, _ vocabulary: ConstraintVocabulary, path: String
    ) throws(APIError) -> Constraint {
        let tokens = vocabulary.tokens
        var grammar = JSONGrammar(vocabulary: tokens)
        var fuel = SchemaCompiler.fuelLimit
        let rule = try SchemaCompiler.rule(schema, in: &grammar, fuel: &fuel, path: path)
        return Constraint(try document(rule, &grammar, path: path), vocabulary: tokens)
    }

    /// The grammar of a rule's documents. path: the schema's field.
    static func document(
        _ rule: JSONGrammar.Rule, _ grammar: inout JSONGrammar, path: String
    ) throws(APIError) -> Grammar {
        // What is too large is not built; and the document's own nodes may be those that are too many.
        let documents = grammar.isTooLarge ? nil : grammar.document(rule)
        guard let documents, !grammar.isTooLarge else { throw .invalidSchema(path, "it is too large") }
        guard documents.isPossible else {
            throw .invalidSchema(
                path, "no document that this model can write fits it, or only one that is nested too deep")
        }
        return documents
    }
}

extension APIError {
    /// A schema that is none or that cannot be held. path: its field, for the message; OpenAI names the whole response
    /// format as the parameter.
    static func invalidSchema(_ path: String, _ problem: String) -> APIError {
        let parameter = path.hasPrefix("response_format.") ? "response_format" : path
        return .badRequest("Invalid schema for '\(path)': \(problem).", parameter, code: "invalid_schema")
    }
}
