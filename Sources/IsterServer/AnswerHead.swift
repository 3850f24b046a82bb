import Glibc

/// What all objects of one answer share.
struct AnswerHead: Sendable {
    let id: String
    let created: Int
    let model: String
    let fingerprint: String

    init(prefix: String, model: ServedModel) {
        id = prefix + String(UInt64.random(in: 1 << 60...UInt64.max), radix: 16)
        created = Int(time(nil))
        self.model = model.id
        fingerprint = model.fingerprint
    }

    /// The members before `choices`.
    func members(object: String) -> JSONObject {
        var members = JSONObject()
        members.append("id", .string(id))
        members.append("object", .string(object))
        members.append("created", .integer(created))
        members.append("model", .string(model))
        members.append("system_fingerprint", .string(fingerprint))
        return members
    }

    /// A whole answer; without choices, a stream's last chunk.
    func object(_ name: String, choices: [JSONValue] = [], usage: Usage) -> JSONValue {
        var members = members(object: name)
        members.append("choices", .array(choices))
        members.append("usage", usage.json)
        members.append("timings", usage.timingsJSON)
        return .object(members)
    }
}

extension ServedModel {
    /// The same for the same model file: with a seed, it tells whether answers can be compared.
    var fingerprint: String {
        // FNV-1a, 64 bits.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(id) \(created) \(fileBytes) \(parameterCount)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return "fp_" + String(hash, radix: 16)
    }
}
