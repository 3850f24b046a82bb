import Foundation
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import IsterGenerator
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// The HTTP server. It listens from the start, so that a busy port is found before a model is loaded, and answers 503
/// until `serve` gives it one.
public final class ServerApplication: Service {
    /// What became of the requests that ran when the server was told to stop.
    public struct DrainOutcome: Sendable, Equatable {
        public var drained = 0
        public var cut = 0
    }

    private struct Serving: Sendable {
        var responder: any HTTPResponder<ServerContext>
        var generator: ObservedGenerator?
        var drain = DrainOutcome()
        var delay: Task<Void, Never>?
        var deadline: Task<Void, Never>?
    }

    public let state = ServerState()
    /// For the routes; ends with the server.
    public let preparation = PreparationPool()
    private let options: ServerOptions
    private let metrics: OperationMetrics
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let counter: ConnectionCounter
    private let listener: Listener
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let serving: Mutex<Serving>
    private let tls: TLSConfiguration?

    /// onListening: told the address once connections are taken.
    public init(
        options: ServerOptions, metrics: OperationMetrics, logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) throws(ServerError) {
        tls = try options.certificate?.configuration()
        self.options = options
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
        group = MultiThreadedEventLoopGroup(numberOfThreads: options.ioThreadCount)
        counter = ConnectionCounter(limits: options.limits)
        listener = Listener(limits: options.limits, group: group, logger: logger)
        let factory = ResponderFactory(options: options, state: state, metrics: metrics, counter: counter)
        serving = Mutex(Serving(responder: factory.responder(generator: nil) { _ in }))
    }

    /// Takes requests for a generator from now on. routes: adds the API's.
    public func serve(
        _ generator: ObservedGenerator, routes: (Router<ServerContext>) -> Void
    ) {
        let factory = ResponderFactory(options: options, state: state, metrics: metrics, counter: counter)
        let responder = factory.responder(generator: generator, routes: routes)
        serving.withLock { serving in
            serving.responder = responder
            serving.generator = generator
        }
        state.advance(to: .ready)
    }

    public var outcome: DrainOutcome { serving.withLock { $0.drain } }
    public var connectionCount: Int { counter.count }

    /// Runs until a graceful shutdown has been asked for and the last connection is closed.
    public func run() async throws {
        let channel = GuardedChannel(
            limits: options.limits, counter: counter, onRefusal: metrics.countRefusal, responder: respond)
        let result: Result<Void, any Error>
        do {
            try await withGracefulShutdownHandler {
                if let tls {
                    let secure = try TLSChannel(channel, tlsConfiguration: tls)
                    try await listener.run(secure, on: options.address, onListening: onListening)
                } else {
                    try await listener.run(channel, on: options.address, onListening: onListening)
                }
            } onGracefulShutdown: {
                self.drain()
            }
            result = .success(())
        } catch {
            result = .failure(named(error))
        }
        serving.withLock { $0.deadline }?.cancel()
        await preparation.shutDown()
        try? await group.shutdownGracefully()
        try result.get()
    }

    /// Takes no new work, after a delay in which only the readiness says so, and lets what runs end, until the
    /// deadline.
    public func drain() {
        guard options.drainDelaySeconds > 0, state.phase == .ready else { return drainNow() }
        state.advance(to: .leaving)
        serving.withLock { serving in
            guard serving.delay == nil else { return }
            let seconds = options.drainDelaySeconds
            serving.delay = Task { [weak self] in
                try? await Task.sleep(for: .seconds(seconds))
                self?.drainNow()
            }
        }
    }

    private func drainNow() {
        state.advance(to: .draining)
        let isFirst = serving.withLock { serving in
            guard serving.deadline == nil else { return false }
            serving.generator?.stopAccepting()
            serving.drain.drained = serving.generator?.runningCount ?? 0
            serving.deadline = Task { [weak self] in await self?.endAtDeadline() }
            return true
        }
        if isFirst { listener.drain() }
    }

    /// Each event loop comes around. For a watchdog.
    public func isResponsive() async -> Bool {
        for loop in group.makeIterator() {
            guard (try? await loop.submit({ true }).get()) == true else { return false }
        }
        return true
    }

    private func endAtDeadline() async {
        guard (try? await Task.sleep(for: .seconds(options.drainSeconds))) != nil else { return }
        let generator = serving.withLock { $0.generator }
        let cut = generator?.endAll(with: .stopping) ?? 0
        serving.withLock { serving in
            serving.drain.cut = cut
            serving.drain.drained = max(serving.drain.drained - cut, 0)
        }
        // For the error events to leave.
        guard (try? await Task.sleep(for: .seconds(options.limits.lingerSeconds))) != nil else { return }
        listener.closeConnections()
    }

    /// The weights are not what they were: nothing that was computed from them may leave any more.
    public func failDamaged() {
        state.advance(to: .damaged)
        let generator = serving.withLock { $0.generator }
        generator?.stopAccepting()
        generator?.endAll(with: .modelDamaged)
    }

    private func respond(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        let context = ServerContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        let responder = serving.withLock { $0.responder }
        var response: Response
        do {
            response = try await responder.respond(to: request, context: context)
        } catch {
            response = APIError.of(error).response(from: request, context: context)
        }
        // A client would take a body for its next answer. The router leaves it out of routes' answers, not of refusals.
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.date] = HTTPDate.now
        try await writer.write(response: response.head, body: response.body.paced(by: channel.eventLoop))
    }

    private func named(_ error: any Error) -> any Error {
        let address = options.address.description
        switch error {
        case let error as IOError where error.errnoCode == EADDRINUSE: return ServerError.addressInUse(address)
        case let error as IOError: return ServerError.cannotListen(address, reason: error.description)
        case let error as SocketAddressError.UnknownHost:
            return ServerError.cannotListen(address, reason: error.errorDescription)
        case let error as SocketAddressError: return ServerError.cannotListen(address, reason: "\(error)")
        default: return error
        }
    }
}

/// Puts routes behind everything that guards and observes them.
struct ResponderFactory {
    let options: ServerOptions
    let state: ServerState
    let metrics: OperationMetrics
    let counter: ConnectionCounter

    func responder(
        generator: ObservedGenerator?, routes: (Router<ServerContext>) -> Void
    ) -> any HTTPResponder<ServerContext> {
        let counter = counter
        let operation = OperationRoutes(
            state: state, metrics: metrics, connectionCount: { counter.count }, load: { generator?.load })
        // Once without anything around, to learn which methods each path takes.
        let bare = Router<ServerContext>(context: ServerContext.self)
        operation.add(to: bare)
        routes(bare)
        let router = Router<ServerContext>(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMiddleware(metrics: metrics, allowedMethods: AllowedMethods(bare)))
        router.add(middleware: AccessMiddleware(rules: options.access, state: state))
        operation.add(to: router)
        routes(router)
        return router.buildResponder()
    }
}

/// The value of a `Date` header.
enum HTTPDate {
    static var now: String {
        var seconds = time(nil)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let (year, month, date) = unsafe (parts.tm_year, parts.tm_mon, parts.tm_mday)
        let (weekday, clock) = unsafe (parts.tm_wday, [parts.tm_hour, parts.tm_min, parts.tm_sec])
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = "\(days[Int(weekday) % 7]), \(two(date)) \(months[Int(month) % 12]) \(1900 + Int(year))"
        return "\(day) \(clock.map(two).joined(separator: ":")) GMT"
    }
}
