import NIOCore

/// What people write in settings, in the form that requests are compared with; nil where no request can match it.
extension AccessRules {
    /// "Box.example:8443" gives "box.example", "::1" gives "[::1]"; "*" stays.
    public static func allowedHost(_ text: String) -> String? {
        if text == "*" { return text }
        // More than one colon: an IPv6 address, which has no port without brackets.
        let isBare = !text.hasPrefix("[") && text.count { $0 == ":" } > 1
        return soundName(isBare ? "[\(text)]" : text)
    }

    /// "https://Chat.example:443/" gives "https://chat.example", as browsers tell it.
    public static func allowedOrigin(_ text: String) -> String? {
        // Of pages without a host, such as files.
        if text == "null" { return text }
        var origin = text.lowercased()
        if origin.hasSuffix("/") { origin.removeLast() }
        guard let mark = origin.firstRange(of: "://") else { return nil }
        let scheme = String(origin[..<mark.lowerBound])
        guard !scheme.isEmpty, scheme.allSatisfy({ letters.contains($0) || "+-.".contains($0) }),
            soundName(String(origin[mark.upperBound...])) != nil
        else { return nil }
        let defaultPort = ["http": ":80", "https": ":443"][scheme]
        if let defaultPort, origin.hasSuffix(defaultPort) { origin.removeLast(defaultPort.count) }
        return origin
    }

    /// "readyz/" gives "/readyz". Only what GET answers can be open.
    public static func openPath(_ text: String) -> String? {
        guard !text.isEmpty, !text.contains("?") else { return nil }
        let components = text.split(separator: "/")
        let path = "/" + components.joined(separator: "/")
        let isModel = components.starts(with: ["v1", "models"])
        return path == "/" || isModel || OperationRoutes.paths.contains(path) ? path : nil
    }

    private static let letters = "abcdefghijklmnopqrstuvwxyz0123456789"

    /// The host's name in `host`, which may have a port; nil when it is none.
    private static func soundName(_ host: String) -> String? {
        guard let name = hostName(host) else { return nil }
        guard name.hasPrefix("[") else {
            return name.allSatisfy { letters.contains($0) || "-._".contains($0) } ? name : nil
        }
        let address = try? SocketAddress(ipAddress: String(name.dropFirst().dropLast()), port: 0)
        return address?.protocol == .inet6 ? name : nil
    }
}
