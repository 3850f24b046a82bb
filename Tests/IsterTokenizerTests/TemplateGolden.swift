import Foundation
import IsterCheckpoint
import IsterTokenizer
import Testing

/// Chat templates, conversations and results that Tools/golden-templates.py wrote.
enum TemplateGolden {
    enum Outcome: Equatable {
        case text(bytes: Int, checksum: String)
        case raised(String)
        case failed
    }

    static let names: [String] = {
        let folder = (Bundle.module.resourceURL ?? URL(fileURLWithPath: "/")).appendingPathComponent("Golden/templates")
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".jinja") }.map { String($0.dropLast(6)) }.sorted()
    }()

    static func source(_ name: String) throws -> String {
        String(decoding: try Golden.bytes("templates/\(name).jinja"), as: UTF8.self)
    }

    static func outcomes(_ name: String) throws -> [Outcome] {
        let lines = String(decoding: try Golden.bytes("templates/\(name).golden"), as: UTF8.self).split(separator: "\n")
        return try lines.map { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            switch parts[0] {
            case "raised": return .raised(text(try JSONValue.parse(Array(parts[1].utf8))))
            case "error": return .failed
            default:
                let fields = parts[1].split(separator: " ")
                return .text(bytes: try #require(Int(fields[0])), checksum: String(fields[1]))
            }
        }
    }

    /// Whole results of the first conversations, nil where there is none.
    static func texts(_ name: String) throws -> [String?] {
        try array(Golden.json("templates/\(name).txt.json")).map { $0 == .null ? nil : text($0) }
    }

    static func inputs() throws -> [ChatTemplateInput] {
        try array(Golden.json("templates/conversations.json")).map { conversation in
            guard case .object(let entries) = value(conversation) else { throw GoldenError.unexpected }
            var input = Self.input(messages: [])
            for (key, value) in entries {
                switch (key, value) {
                case ("messages", .list(let messages)): input.messages = messages
                case ("tools", _): input.tools = value
                case ("add_generation_prompt", .bool(let flag)): input.addGenerationPrompt = flag
                case ("variables", .object(let variables)):
                    input.variables = variables.map { (name: $0.key, value: $0.value) }
                default: throw GoldenError.unexpected
                }
            }
            return input
        }
    }

    static func input(messages: [TemplateValue]) -> ChatTemplateInput {
        ChatTemplateInput(
            messages: messages, addGenerationPrompt: true, bosToken: "<s>", eosToken: "</s>",
            specialTokens: [("pad_token", "<pad>"), ("unk_token", "<unk>")],
            clock: TemplateClock(year: 2026, month: 7, day: 4, hour: 9, minute: 5, second: 3, weekday: 6),
            outputByteLimit: 1 << 20)
    }

    /// Small templates with what they give, nil for an error, and the variables that they see.
    static func snippets() throws -> (variables: [(name: String, value: TemplateValue)], cases: [(String, String?)]) {
        let all = try array(Golden.json("templates/snippets.json"))
        guard case .object(let variables) = value(all[0]) else { throw GoldenError.unexpected }
        let cases = try all.dropFirst().map { pair in
            let parts = try array(pair)
            return (text(parts[0]), parts[1] == .null ? nil : text(parts[1]))
        }
        return (variables.map { (name: $0.key, value: $0.value) }, cases)
    }

    static func value(_ json: JSONValue) -> TemplateValue {
        switch json {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .float(value)
        case .string(let bytes): .string(String(decoding: bytes, as: UTF8.self))
        case .array(let values): .list(values.map { value($0) })
        case .object(let object):
            .object(object.entries.map { (key: String(decoding: $0.key, as: UTF8.self), value: value($0.value)) })
        }
    }

    /// FNV-1a of 64 bits, in hexadecimal.
    static func checksum(_ text: String) -> String {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func text(_ json: JSONValue) -> String {
        guard case .string(let bytes) = json else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func array(_ json: JSONValue) throws -> [JSONValue] {
        guard case .array(let values) = json else { throw GoldenError.unexpected }
        return values
    }

    private enum GoldenError: Error { case unexpected }
}
