import Foundation
@testable import IsterServer
import Logging
import Testing

struct LogTests {
    private func line(
        _ format: LineLogHandler.Format, priority: Bool = false, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        let lines = LogLines()
        let logger = Logger(label: "t") { _ in
            LineLogHandler(format: format, level: .info, hasPriority: priority) { lines.append($0) }
        }
        logger.debug("not shown")
        logger.info("\(message)", metadata: metadata)
        return lines.all.joined()
    }

    @Test func `a line stays one line whatever is in it`() throws {
        let evil = "a\nlevel=error \u{1B}[31m \u{2028}\u{7}\"x\" \u{202E}"
        let text = line(.text, evil, ["key": "\(evil)", "n": .stringConvertible(5)])
        #expect(text.filter { $0.isNewline }.count == 1)
        #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
        #expect(text.hasSuffix(" n=5\n"))
        let json = line(.json, evil, ["key": "\(evil)", "n": .stringConvertible(5)])
        #expect(json.filter { $0 == "\n" }.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["message"] as? String == evil)
        #expect(object["key"] as? String == evil)
        #expect(object["n"] as? Int == 5)
        #expect(object["level"] as? String == "info")
    }

    @Test func `the journal gets priorities, a terminal gets the time`() {
        #expect(line(.text, priority: true, "m", [:]) == "<6>info m\n")
        #expect(
            line(.text, "m", ["hb.request.id": "r1"]).contains(/^20\d\d-\d\d-\d\dT[0-9:.]+Z info m request_id=r1\n$/))
    }
}
