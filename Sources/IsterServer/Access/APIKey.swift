import Crypto

/// Who may use the server, for what and how much: one line of the key file. The key itself is nowhere, only its
/// SHA-256.
public struct APIKey: Sendable, Equatable {
    public enum Scope: String, Sendable, CaseIterable {
        /// Texts, embeddings, tokens.
        case inference
        /// The list of models.
        case models
        /// `/metrics`.
        case metrics
    }

    public var name: String
    /// 32 bytes.
    public var digest: [UInt8]
    public var scopes: Set<Scope>
    public var requestsPerMinute: Double?
    public var tokensPerMinute: Double?

    public init(
        name: String, digest: [UInt8], scopes: Set<Scope> = Set(Scope.allCases), requestsPerMinute: Double? = nil,
        tokensPerMinute: Double? = nil
    ) {
        self.name = name
        self.digest = digest
        self.scopes = scopes
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
    }

    public static func digest(of key: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(key.utf8)))
    }

    /// A new key of 256 random bits.
    public static func randomKey() -> String {
        let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789".utf8)
        var generator = SystemRandomNumberGenerator()
        // 44 of 57 letters are 256.6 bits.
        let letters = (0..<44).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        return "ister-" + String(decoding: letters, as: UTF8.self)
    }

    /// The line for the key file.
    public var line: String {
        let digits = Array("0123456789abcdef".utf8)
        let text = String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        let scopes = Scope.allCases.filter(self.scopes.contains).map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        var line = "{\"name\":\"\(name)\",\"sha256\":\"\(text)\",\"scopes\":[\(scopes)]"
        if let requestsPerMinute { line += ",\"requests_per_minute\":\(Int(requestsPerMinute))" }
        if let tokensPerMinute { line += ",\"tokens_per_minute\":\(Int(tokensPerMinute))" }
        return line + "}"
    }

    /// Names are printed, logged and used as labels.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.@".unicodeScalars.contains($0))
            }
    }
}
