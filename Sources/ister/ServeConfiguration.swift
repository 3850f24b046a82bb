import IsterDecoder
import IsterServer
import Logging

/// Everything `ister serve` is told, checked.
struct ServeConfiguration {
    enum Verification: String, CaseIterable {
        case start, background, off
    }

    var model: String
    var modelName: String?
    var threads: Int?
    var parallel: Int
    var context: Int?
    var cacheFormat: CacheFormat?
    var cacheMemory: Int?
    var stepTokens: Int
    var stepSeconds: Double
    var queue: Int
    var requestsPerKey: Int
    var cachesPrefixes: Bool
    var keyFile: String?
    var keys: KeyRing?
    /// Everyone may be served without keys (`--no-auth`).
    var isOpen: Bool
    /// The key of ISTER_API_KEY, which a reload keeps.
    var environmentKey: [APIKey] = []
    var api = APIOptions()
    var server = ServerOptions()
    var servesPage: Bool
    var verification: Verification
    var logFormat: LineLogHandler.Format
    var logLevel: Logger.Level

    static let secrets: Set<String> = ["api-key"]

    /// Reads all settings and refuses what does not fit together. inheritedSocket: listened on instead of `--host`.
    init(_ settings: inout Settings, inheritedSocket: Int32? = nil) throws(Failure) {
        model = try settings.text("model") ?? ""
        modelName = try settings.text("model-name")
        threads = try settings.integer("threads", default: nil, in: 1...1024, shown: "auto")
        parallel = try settings.integer("parallel", default: 8, in: 1...1024)
        context = try settings.integer("context", default: nil, in: 1...(1 << 24), shown: "auto")
        cacheFormat = try settings.value("kv", default: nil, shown: "auto", needed: "one of f32, f16, q8") {
            CacheFormat(rawValue: $0)
        }
        cacheMemory = try settings.value(
            "cache-memory", default: nil, shown: "auto", needed: "bytes with K, M, G or T: 2G"
        ) { ByteCount.parse($0) }
        stepTokens = try settings.integer("step-tokens", default: 512, in: 1...8192)
        stepSeconds = Double(try settings.integer("step-time", default: 40, in: 1...60_000)) / 1000
        queue = try settings.integer("queue", default: 64, in: 0...100_000)
        requestsPerKey = try settings.integer("requests-per-key", default: 8, in: 1...100_000)
        cachesPrefixes = try !settings.isOn("no-prefix-cache")
        isOpen = try settings.isOn("no-auth")
        servesPage = try !settings.isOn("no-page")
        verification = try settings.choice("verify", default: .start)
        logFormat = try settings.choice("log-format", default: .text)
        logLevel = try settings.choice("log-level", default: .info)
        try readKeys(&settings)
        try readAPI(&settings)
        try readAddress(&settings, inheritedSocket)
        try readServer(&settings)
    }

    private mutating func readKeys(_ settings: inout Settings) throws(Failure) {
        keyFile = try settings.text("key-file")
        let key = try settings.text("api-key")
        if case .file = settings.entries.last?.source {
            throw Failure(.configuration, "api-key belongs in ISTER_API_KEY or, hashed, in the key file")
        }
        try protect(key: key)
    }

    private mutating func readAPI(_ settings: inout Settings) throws(Failure) {
        api.maximumOutputTokens = try settings.integer(
            "max-output-tokens", default: nil, in: 1...(1 << 24), shown: "auto")
        api.requestSeconds = try settings.seconds("request-timeout", default: 1800)
        api.isLenient = try settings.isOn("lenient")
        api.sharesPrefixes = try settings.isOn("shared-prefix-cache")
        api.runningCount = parallel
        api.placeCount = parallel + queue
        api.perClientCount = perClientCount
        // A request must neither compete with itself for its key's places nor wait for itself until it is too late.
        api.parallelCount = min(api.parallelCount, parallel, perClientCount)
    }

    private mutating func readAddress(_ settings: inout Settings, _ inheritedSocket: Int32?) throws(Failure) {
        let host = try settings.text("host", default: "127.0.0.1") ?? ""
        let port = try settings.integer("port", default: 8080, in: 0...65535)
        if let inheritedSocket {
            server.address = .inherited(descriptor: inheritedSocket)
            try requireProtection(named: "the inherited socket has an address")
        } else {
            server.address = .host(host, port: port)
            try requireProtection(named: "--host is \(host)")
        }
    }

    private mutating func readServer(_ settings: inout Settings) throws(Failure) {
        var hosts = try settings.list(
            "allowed-host", needed: "a host's name or address, such as box.example", AccessRules.allowedHost)
        let origins = try settings.list(
            "cors-origin", needed: "an origin without a path, such as https://chat.example", AccessRules.allowedOrigin)
        let openPaths = try settings.list(
            "open", needed: "a path that GET answers, such as /readyz or /metrics", AccessRules.openPath)
        if !servesPage { server.access.openPaths.remove("/") }
        // What it is bound to proves itself by listening.
        if let host = server.address.boundHost { hosts.append(AccessRules.allowedHost(host) ?? host.lowercased()) }
        allow(hosts: hosts, origins: origins, openPaths: openPaths)
        server.limits.connectionCount = try settings.integer("max-connections", default: 512, in: 1...100_000)
        server.limits.perAddressCount = try settings.integer(
            "max-connections-per-address", default: 64, in: 1...100_000)
        server.drainDelaySeconds = try settings.seconds("drain-delay", default: 0)
        server.drainSeconds = try settings.seconds("drain-timeout", default: 30)
        let certificate = try settings.text("tls-cert")
        let certificateKey = try settings.text("tls-key")
        try secure(certificate, certificateKey)
    }

    /// Requests that one client may have running and waiting.
    var perClientCount: Int { keys == nil ? parallel + queue : requestsPerKey }

    private mutating func protect(key: String?) throws(Failure) {
        var keys: [APIKey] = []
        if let keyFile { keys = try Self.readKeys(keyFile) }
        if let key {
            guard key.utf8.count >= 16 else {
                throw Failure(.configuration, "ISTER_API_KEY has fewer than 16 characters")
            }
            environmentKey = [APIKey(name: "environment", digest: APIKey.digest(of: key))]
            keys += environmentKey
        }
        if isOpen, !keys.isEmpty { throw Failure(.usage, "--no-auth and keys exclude each other") }
        if !keys.isEmpty { self.keys = KeyRing(keys) }
    }

    /// Refuses an address that others reach, unless they need keys or everyone is to be served. name: how the failure
    /// begins.
    private func requireProtection(named name: String) throws(Failure) {
        if keys == nil, !isOpen, !server.address.isLocal {
            throw Failure(.usage, "\(name), which others can reach: give --key-file, or --no-auth to serve everyone")
        }
    }

    static func readKeys(_ path: String) throws(Failure) -> [APIKey] {
        do {
            return try KeyFile.read(path)
        } catch {
            throw Failure(.configuration, "\(path): \(error)")
        }
    }

    private mutating func secure(_ certificate: String?, _ key: String?) throws(Failure) {
        guard (certificate == nil) == (key == nil) else {
            throw Failure(.usage, "--tls-cert and --tls-key go together")
        }
        if let certificate, let key { server.certificate = CertificateFiles(chain: certificate, key: key) }
    }

    private mutating func allow(hosts: [String], origins: [String], openPaths: [String]) {
        server.access.keys = keys
        server.access.allowedHosts.formUnion(hosts)
        server.access.allowsAddressHosts = hosts.contains("0.0.0.0") || hosts.contains("[::]")
        server.access.allowedOrigins = Set(origins)
        server.access.openPaths.formUnion(openPaths)
    }
}

extension Settings {
    /// A list whose texts are written in more than one form. Those without a meaning would have no effect, so they are
    /// refused. read: nil for these.
    fileprivate mutating func list(
        _ name: String, needed: String, _ read: (String) -> String?
    ) throws(Failure) -> [String] {
        var values: [String] = []
        for text in list(name) {
            guard let value = read(text) else {
                let source = entries.last?.source ?? .default
                throw Failure(
                    source == .flag ? .usage : .configuration,
                    "\(name) (\(source.description)) is \(text); it must be \(needed)")
            }
            values.append(value)
        }
        return values
    }
}

/// "2G" and the like, in powers of 1024.
enum ByteCount {
    static func parse(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
        var digits = text.lowercased()
        if digits.hasSuffix("ib") { digits.removeLast(2) } else if digits.hasSuffix("b") { digits.removeLast() }
        var shift = 0
        if let last = digits.last, let unit = units[last] {
            shift = unit
            digits.removeLast()
        }
        guard let number = Double(digits), number > 0, number * Double(1 << shift) < 1e15 else { return nil }
        return Int(number * Double(1 << shift))
    }

    static func text(_ bytes: Int) -> String {
        for (name, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
            return "\(decimals(Double(bytes) / Double(1 << shift), 1)) \(name)"
        }
        return "\(bytes) B"
    }
}
