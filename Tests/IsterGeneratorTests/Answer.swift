import Glibc
import Synchronization
import Testing

@testable import IsterGenerator

/// What a generation told, in order; an error ends it.
struct Answer {
    var events: [GenerationEvent] = []
    var error: (any Error)?

    init(_ generation: Generation) async {
        do {
            for try await event in generation.events { events.append(event) }
        } catch {
            self.error = error
        }
    }

    var summary: GenerationSummary? {
        if case .done(let summary)? = events.last { summary } else { nil }
    }
    var tokenCount: Int {
        events.count { if case .token = $0 { true } else { false } }
    }
    var startedWithCached: Int? {
        for case .started(let count) in events { return count }
        return nil
    }
    var promptScores: [TokenScore?]? {
        for case .promptScores(let scores) in events { return scores }
        return nil
    }
    var embedding: [Float]? {
        for case .embedding(let values) in events { return values }
        return nil
    }
}

/// Holds a fake model's forward calls back until it is opened, so that a test can arrange what waits.
final class Gate: Sendable {
    private let state = Mutex(false)

    private var isOpen: Bool { state.withLock { $0 } }

    func open() { state.withLock { $0 = true } }

    /// For the compute thread.
    func wait() {
        while !isOpen { usleep(100) }
    }

    /// For a test: the pool's threads must stay free for the generator to start.
    func opened() async throws {
        while !isOpen { try await Task.sleep(for: .microseconds(100)) }
    }
}
