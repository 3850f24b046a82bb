import Glibc
import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterServer
import Logging
import ServiceLifecycle
import UnixSignals

/// The life of the server process: listens, loads, serves, and ends on a signal or when the model file breaks.
struct ServeRun: Sendable {
    private let configuration: ServeConfiguration
    private let application: ServerApplication
    private let metrics: OperationMetrics
    private let group: ServiceGroup
    private let manager: ServiceManager
    private let log: LogQueue
    private let logger: Logger
    private let addresses: AsyncStream<String>
    private let environment: [String: String]

    init(_ configuration: ServeConfiguration, environment: [String: String]) throws(Failure) {
        self.configuration = configuration
        self.environment = environment
        manager = ServiceManager(environment: environment)
        (log, logger) = Self.log(configuration, hasPriority: StandardError.isJournal(environment["JOURNAL_STREAM"]))
        let name = configuration.modelName ?? LoadedModel.name(ofFile: configuration.model)
        let registry = PrometheusRegistry(
            descriptions: OperationMetrics.descriptions, commonLabels: [("model_name", name)])
        registry.bootstrap()
        metrics = OperationMetrics(
            registry: registry, version: Ister.toolVersion, isa: (try? Machine.instructionSet()) ?? "",
            throttling: { Machine.throttling.map { ($0.throttledPeriods, $0.seconds) } })
        let (addresses, continuation) = AsyncStream.makeStream(of: String.self)
        self.addresses = addresses
        do {
            application = try ServerApplication(options: configuration.server, metrics: metrics, logger: logger) {
                continuation.yield($0.description)
            }
        } catch {
            throw Failure(.configuration, error.description)
        }
        var quiet = logger
        quiet.logLevel = .warning
        group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
    }

    /// A logger whose lines wait in the queue until they are written.
    private static func log(_ configuration: ServeConfiguration, hasPriority: Bool) -> (LogQueue, Logger) {
        let (format, level) = (configuration.logFormat, configuration.logLevel)
        func logger(_ write: @escaping @Sendable (String) -> Void) -> Logger {
            Logger(label: "ister") { _ in
                LineLogHandler(format: format, level: level, hasPriority: hasPriority, write: write)
            }
        }
        let direct = logger { StandardError.write($0) }
        let queue = LogQueue {
            StandardError.write($0)
        } onDrop: {
            direct.warning("the log was not read; lines were dropped", metadata: ["lines": .stringConvertible($0)])
        }
        return (queue, logger { queue.push($0) })
    }

    /// Does not return: whoever is first, the end of the server or a failure, ends the process.
    func run() async throws {
        ServeMemory.limitKeptBlocks()
        // A reader of the log or a client that left must not end the server.
        signal(SIGPIPE, SIG_IGN)
        // Before anything can be reached: a signal that comes earlier would end the process without draining.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        Task { await follow(signals) }
        let serving = Task {
            do {
                try await group.run()
                finish()
            } catch {
                flushLog()
                if let error = error as? ServerError { Failure.report(Failure(.unavailable, error.description)) }
                Failure.report(Failure(.internal, "\(error)"))
            }
        }
        var iterator = addresses.makeAsyncIterator()
        let address = await iterator.next() ?? ""
        warn()
        do {
            try await serve(at: address)
        } catch {
            flushLog()
            throw error
        }
        await serving.value
    }

    /// Nobody may read the log any more; that must not keep the process.
    private func flushLog() { log.flush(seconds: 1) }

    private func end(_ code: Int32) -> Never {
        flushLog()
        endProcess(code)
    }

    private func warn() {
        let server = configuration.server
        if server.address.isLocal { return }
        if configuration.keys == nil {
            logger.warning("everyone who reaches this address can use the model (--no-auth)")
        } else if server.certificate == nil {
            logger.warning("keys cross the network in clear text; give --tls-cert and --tls-key or use a TLS proxy")
        }
    }

    private func serve(at address: String) async throws(Failure) {
        manager.status("Loading the model")
        let model = try await LoadedModel.load(configuration)
        let generator = ObservedGenerator(model.generator, metrics: metrics, keys: configuration.keys)
        let routes: APIRoutes
        do {
            routes = try APIRoutes(
                model: model.served, generator: generator, options: configuration.api,
                preparation: application.preparation)
        } catch {
            throw Failure(.badData, "\(configuration.model): \(error)")
        }
        let file = model.file
        application.state.watch { file.isDamaged }
        Task { await watch(model.file) }
        if configuration.verification == .background { Task { await verify(model.file) } }
        application.serve(generator) { router in
            routes.add(to: router)
            if configuration.servesPage { addWebPage(to: router) }
        }
        let scheme = configuration.server.certificate == nil ? "http" : "https"
        logger.info("serving \(model.summary) at \(scheme)://\(address)")
        if ServeMemory.lockedBytes == 0 {
            logger.notice("the cache is not locked into memory (ulimit -l is too low) and may be swapped out")
        }
        manager.ready()
        Task {
            await ServeMemory.keepTrimmed { generator.load.runningCount + generator.load.waitingCount == 0 }
        }
        if let seconds = manager.watchdogSeconds { Task { await stayAlive(every: seconds / 2) } }
    }

    /// The server has drained.
    private func finish() -> Never {
        let outcome = application.outcome
        let isDamaged = application.state.phase == .damaged
        logger.info(
            "stopped",
            metadata: ["drained": .stringConvertible(outcome.drained), "cut": .stringConvertible(outcome.cut)])
        end(isDamaged ? Failure.Code.inputOutput.rawValue : 0)
    }

    private func follow(_ signals: UnixSignalsSequence) async {
        var isStopping = false
        for await signal in signals {
            if signal == .sighup {
                reload()
            } else if isStopping {
                logger.notice("stopped at once by a second signal")
                end(0)
            } else {
                isStopping = true
                logger.notice("draining")
                let server = configuration.server
                manager.stopping(seconds: server.drainDelaySeconds + server.drainSeconds)
                await group.triggerGracefulShutdown()
            }
        }
    }

    /// A file that cannot be used leaves the keys as they are.
    private func reload() {
        guard let keys = configuration.keys, let path = configuration.keyFile else { return }
        // While the model loads the service manager waits for the first "ready", which this must not be.
        let isServing = application.state.phase == .ready
        if isServing { manager.reloading() }
        do {
            let read = try ServeConfiguration.readKeys(path) + configuration.environmentKey
            keys.replace(read)
            logger.notice("keys read again", metadata: ["keys": .stringConvertible(read.count)])
        } catch {
            logger.error("the keys stay as they were", metadata: ["reason": "\(error.message)"])
        }
        if isServing { manager.ready() }
    }

    private func watch(_ file: ModelFile) async {
        while !file.isDamaged {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
        }
        logger.critical("the model file was changed while in use")
        application.failDamaged()
        // For the error events to leave.
        try? await Task.sleep(for: .seconds(2))
        end(Failure.Code.inputOutput.rawValue)
    }

    private func verify(_ file: ModelFile) async {
        do {
            try await Task.detached(priority: .background) { try file.verify(threads: 1) }.value
            logger.info("all checksums are right")
        } catch {
            logger.critical("the model file is damaged", metadata: ["reason": "\(error)"])
            application.failDamaged()
            try? await Task.sleep(for: .seconds(2))
            end(Failure.Code.inputOutput.rawValue)
        }
    }

    private func stayAlive(every seconds: Double) async {
        while await application.isResponsive() {
            manager.alive()
            guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { return }
        }
    }
}
