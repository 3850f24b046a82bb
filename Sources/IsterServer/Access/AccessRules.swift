import HTTPTypes

/// Who may ask: names the server answers to, pages that may use it, what needs no key.
public struct AccessRules: Sendable {
    /// nil: no keys, everyone may do everything.
    public var keys: KeyRing?
    /// Host names in lower case, without port. "*": any.
    public var allowedHosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
    /// Bound to all addresses: each of them, written as a number, is the server's own.
    public var allowsAddressHosts = false
    /// Exact origins of web pages: "https://chat.example.com".
    public var allowedOrigins: Set<String> = []
    /// Paths that GET reaches without a key. The page at "/" is the same for everyone and holds nothing.
    public var openPaths: Set<String> = ["/health", "/"]

    public init() {}

    func allows(host: String?) -> Bool {
        guard let host, let name = Self.hostName(host) else { return false }
        return allowedHosts.contains("*") || allowedHosts.contains(name) || (allowsAddressHosts && Self.isAddress(name))
    }

    /// Pages come from elsewhere unless their origin is the very host that they ask.
    func allows(origin: String, host: String?) -> Bool {
        if allowedOrigins.contains(origin) { return true }
        guard let end = origin.firstRange(of: "://"), let host else { return false }
        return Self.withoutDefaultPort(String(origin[end.upperBound...])) == Self.withoutDefaultPort(host)
    }

    func isOpen(_ method: HTTPRequest.Method, path: String) -> Bool {
        (method == .get || method == .head) && openPaths.contains(path)
    }

    /// Of the components that the router looks at, which passes over empty ones: "//metrics/" is "/metrics".
    static func scope(ofPath path: String) -> APIKey.Scope? {
        let components = path.split(separator: "/")
        return switch components {
        case ["metrics"]: .metrics
        // Probes ask whether the server lives: any key will do.
        case ["health"], ["v1", "health"], ["livez"], ["readyz"], []: nil
        default: components.starts(with: ["v1", "models"]) ? .models : .inference
        }
    }

    /// "EXAMPLE.com:8080" gives "example.com", "[::1]:80" gives "[::1]"; nil when it is neither.
    static func hostName(_ host: String) -> String? {
        let text = host.lowercased()
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else { return nil }
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            return rest.isEmpty || isPort(rest) ? String(text[...end]) : nil
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !isPort(":" + parts[1]) { return nil }
        return parts[0].isEmpty ? nil : String(parts[0])
    }

    private static func isPort(_ text: some StringProtocol) -> Bool {
        text.hasPrefix(":") && UInt16(text.dropFirst()) != nil
    }

    private static func isAddress(_ name: String) -> Bool {
        if name.hasPrefix("[") { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func withoutDefaultPort(_ host: String) -> String {
        let host = host.lowercased()
        for port in [":80", ":443"] where host.hasSuffix(port) { return String(host.dropLast(port.count)) }
        return host
    }
}
