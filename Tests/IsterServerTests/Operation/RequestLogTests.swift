import Foundation
import IsterGenerator
@testable import IsterServer
import Testing

struct RequestLogTests {
    @Test(arguments: [true, false])
    func `the log tells the error that ended a stream`(fails: Bool) async throws {
        // The first event has gone out when the error comes.
        let end: [FakeGenerator.Step] = fails ? [.pause(0.5), .fail(.modelDamaged)] : [.token(TestModel.end)]
        let generator = FakeGenerator { _, _ in [.token(104)] + end }
        try await TestService.run(generator: generator, routes: apiRoutes()) { service in
            let answer = try await service.post(body: #"{"model":"tiny","prompt":"a","stream":true}"#)
            #expect(answer.body.contains("model_damaged") == fails)
            // A stream's line is written after its last byte.
            try await eventually { service.log.all.contains { $0.contains("/v1/completions") } }
            let line = service.log.all.first { $0.contains("/v1/completions") } ?? ""
            #expect(line.contains(#""status":200"#))
            #expect(line.contains(#""ending":"model_damaged""#) == fails)
            #expect(line.contains(#""ending""#) == fails)
        }
    }
}
