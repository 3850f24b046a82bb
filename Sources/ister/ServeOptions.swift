import ArgumentParser

/// The flags of `ister serve`, as texts: they share their forms and bounds with the environment and the file.
struct ServeFlags: ParsableArguments {
    @Option(help: "Address to listen on; any but a loopback address needs keys or --no-auth. Default 127.0.0.1.")
    var host: String?
    @Option(help: "Port; 0 takes a free one. Default 8080.") var port: String?
    @Option(help: "Name of the model in the API. Default: the file's name.") var modelName: String?
    @Option(name: [.customShort("t"), .long], help: "Threads; by default as many as this process may use cores.")
    var threads: String?
    @Option(help: "Requests that are decoded together. Default 8.") var parallel: String?
    @Option(help: "Positions of one request, prompt and text. Default: the model's, as far as the cache holds it.")
    var context: String?
    @Option(help: "Keys and values in the cache: f32, f16 or q8. Default f16, f32 for files of floats.")
    var kv: String?
    @Option(help: "Memory of the cache: 2G, 512M. Default: all requests' contexts, at most half of what is free.")
    var cacheMemory: String?
    @Option(help: "Most tokens of one forward call while others decode. Default 512.") var stepTokens: String?
    @Option(help: "Milliseconds that such a call should take, at least twice a call without prompts. Default 40.")
    var stepTime: String?
    @Option(help: "Requests that wait for their turn. Default 64.") var queue: String?
    @Option(
        help: """
            Requests of one key, running and waiting. Default 8. Without keys there is no such limit, and an address is \
            one client of those on what is read and prepared: behind a proxy all users are one, so give keys.
            """)
    var requestsPerKey: String?
    @Option(help: "Most tokens that a request may ask for. Default: what the context has room for.")
    var maxOutputTokens: String?
    @Option(help: "Seconds after which a request ends with an error. Default 1800.") var requestTimeout: String?
    @Flag(help: "Ignores unknown fields of requests.") var lenient = false
    @Flag(help: "Keys share cached prefixes. Who asks can then tell by the time what others have asked.")
    var sharedPrefixCache = false
    @Flag(help: "Caches no prefixes.") var noPrefixCache = false
    @Option(help: "File of API keys, a line each (ister key makes one); mode 0600. SIGHUP reads it again.")
    var keyFile: String?
    @Flag(help: "Serves everyone who reaches the address, without keys.") var noAuth = false
    @Option(help: "Another name that the server answers to (Host header); * for any. May be repeated.")
    var allowedHost: [String] = []
    @Option(help: "Origin of web pages that may use the server: https://chat.example.com. May be repeated.")
    var corsOrigin: [String] = []
    @Option(help: "Path that needs no key, such as /readyz or /metrics. May be repeated.") var open: [String] = []
    @Flag(help: "Serves no page at /, the one route besides /health that is open by default.") var noPage = false
    @Option(help: "PEM file of the TLS certificate and its chain.") var tlsCert: String?
    @Option(help: "PEM file of the TLS key.") var tlsKey: String?
    @Option(help: "Open connections. Default 512.") var maxConnections: String?
    @Option(help: "Open connections of one address. Default 64; behind a proxy as many as --max-connections.")
    var maxConnectionsPerAddress: String?
    @Option(help: "Seconds after SIGTERM in which /readyz says no, but requests are taken. Default 0.")
    var drainDelay: String?
    @Option(help: "Seconds that running requests have after that. Default 30.") var drainTimeout: String?
    @Option(help: "Checks the file's checksums: start (before serving), background or off. Default start.")
    var verify: String?
    @Option(help: "text or json, lines on stderr. Default text.") var logFormat: String?
    @Option(help: "trace, debug, info, notice, warning or error. Default info.") var logLevel: String?
    @Option(help: "JSON file of these settings: {\"port\": 8081}. Flags and ISTER_PORT come before it.")
    var config: String?
    @Flag(help: "Prints each setting and where it comes from, and ends.") var printConfig = false

    /// By name; only what was given.
    var given: [String: [String]] {
        let texts: [(String, String?)] = [
            ("host", host), ("port", port), ("model-name", modelName), ("threads", threads), ("parallel", parallel),
            ("context", context), ("kv", kv), ("cache-memory", cacheMemory), ("step-tokens", stepTokens),
            ("step-time", stepTime), ("queue", queue), ("requests-per-key", requestsPerKey),
            ("max-output-tokens", maxOutputTokens), ("request-timeout", requestTimeout), ("key-file", keyFile),
            ("tls-cert", tlsCert), ("tls-key", tlsKey), ("max-connections", maxConnections),
            ("max-connections-per-address", maxConnectionsPerAddress), ("drain-delay", drainDelay),
            ("drain-timeout", drainTimeout), ("verify", verify), ("log-format", logFormat), ("log-level", logLevel),
        ]
        let switches = [
            ("lenient", lenient), ("shared-prefix-cache", sharedPrefixCache), ("no-prefix-cache", noPrefixCache),
            ("no-auth", noAuth), ("no-page", noPage),
        ]
        let lists = [("allowed-host", allowedHost), ("cors-origin", corsOrigin), ("open", open)]
        var all: [String: [String]] = [:]
        for (name, text) in texts { all[name] = text.map { [$0] } }
        for (name, isOn) in switches where isOn { all[name] = ["true"] }
        for (name, values) in lists where !values.isEmpty { all[name] = values }
        return all
    }
}
