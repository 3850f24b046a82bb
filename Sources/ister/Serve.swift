import ArgumentParser
import IsterServer

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves a model over HTTP, as OpenAI's API does.",
        discussion: """
            Each setting may also come from the environment (--drain-timeout is ISTER_DRAIN_TIMEOUT) or a JSON file \
            (--config), in this order; --print-config shows which one counts. ISTER_API_KEY is one key without a key \
            file. SIGTERM lets running requests end, a second one does not. SIGHUP reads the key file again. \
            Exit codes: 0 stopped, 69 the port is busy, 74 the model file was changed while in use, 78 a wrong \
            configuration.
            """)

    @Argument(help: "A .ister file; or ISTER_MODEL.") var model: String?
    @OptionGroup var flags: ServeFlags

    func run() async throws {
        let environment = ProcessEnvironment.all
        // Empty is unset, as for all settings.
        let path = flags.config ?? environment["ISTER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let file = try path.map { path throws(Failure) in try ConfigurationFile.read(path) }
        var given = flags.given
        if let model { given["model"] = [model] }
        var settings = Settings(flags: given, environment: environment, file: file)
        let configuration: ServeConfiguration
        do {
            configuration = try ServeConfiguration(
                &settings, inheritedSocket: ServiceManager.inheritedSocket(environment: environment))
            try settings.requireKnown()
        } catch {
            throw Failure(error, file: path ?? "")
        }
        if flags.printConfig {
            return try StandardOutput.write(settings.report(secrets: ServeConfiguration.secrets))
        }
        guard !configuration.model.isEmpty else {
            throw ValidationError("Give a model: ister serve MODEL.ister")
        }
        try await ServeRun(configuration, environment: environment).run()
    }
}

/// `ister key`: makes an API key.
struct MakeKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes an API key for ister serve.",
        discussion: """
            The line for the key file goes to stdout, the key itself to stderr, this once: the file holds only its \
            SHA-256. ister key alice >> keys.jsonl; chmod 600 keys.jsonl
            """)

    @Argument(help: "Whose key it is: letters, digits and . - _ @") var name: String
    @Option(name: .customLong("scope"), help: "inference, models or metrics; may be repeated. Default: all.")
    var scopes: [String] = []
    @Option(help: "Requests that the key may make in a minute.") var requestsPerMinute: Int?
    @Option(help: "Tokens of prompts and answers that the key may use in a minute.") var tokensPerMinute: Int?

    func run() throws {
        guard APIKey.isName(name) else {
            throw ValidationError("the name is \(name); it must be 1 to 64 of a-z, A-Z, 0-9 and . - _ @")
        }
        var scopes: Set<APIKey.Scope> = []
        for text in self.scopes {
            guard let scope = APIKey.Scope(rawValue: text) else {
                throw ValidationError("--scope is \(text); it must be inference, models or metrics")
            }
            scopes.insert(scope)
        }
        for (name, limit) in [("requests", requestsPerMinute), ("tokens", tokensPerMinute)] {
            guard limit.map({ (1...1_000_000_000).contains($0) }) ?? true else {
                throw ValidationError("--\(name)-per-minute must be 1 to 1000000000")
            }
        }
        let key = APIKey.randomKey()
        let entry = APIKey(
            name: name, digest: APIKey.digest(of: key), scopes: scopes.isEmpty ? Set(APIKey.Scope.allCases) : scopes,
            requestsPerMinute: requestsPerMinute.map(Double.init), tokensPerMinute: tokensPerMinute.map(Double.init))
        try StandardOutput.write(entry.line + "\n")
        StandardError.write("The key of \(name), shown only now: \(key)\n")
    }
}
