import Foundation
@testable import IsterServer
import Testing

struct KeyFileTests {
    private let digest = String(repeating: "0a", count: 32)

    /// Reads a file of the text, which is there no longer than that.
    private func read(_ text: String, mode: Int) throws -> [APIKey] {
        let path = FileManager.default.temporaryDirectory.appending(path: "ister-keys-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return try KeyFile.read(path)
    }

    @Test func `a made key is found under its line`() throws {
        let key = APIKey.randomKey()
        #expect(key.hasPrefix("ister-"))
        #expect(key != APIKey.randomKey())
        let entry = APIKey(
            name: "alice", digest: APIKey.digest(of: key), scopes: [.inference, .models], requestsPerMinute: 60,
            tokensPerMinute: 1000)
        let read = try KeyFile.parse("# keys\n\n" + entry.line + "\n")
        #expect(read == [entry])
        #expect(KeyRing(read).find(key)?.name == "alice")
        #expect(!entry.line.contains(key))
    }

    @Test func `every entry is compared, wherever the key stands`() {
        let names = (0..<20).map { "k\($0)" }
        let ring = KeyRing(names.map { APIKey(name: $0, digest: APIKey.digest(of: "key of \($0)")) })
        for name in names { #expect(ring.find("key of \(name)")?.name == name) }
        #expect(ring.find("key of k20") == nil)
        #expect(ring.find("") == nil)
    }

    @Test func `lines may end as on Windows`() throws {
        let lines = ["a", "b"].map { name in
            APIKey(name: name, digest: APIKey.digest(of: "key of \(name)")).line
        }
        let text = ["# keys", lines[0], "", lines[1], ""].joined(separator: "\r\n")
        #expect(try KeyFile.parse(text).map(\.name) == ["a", "b"])
        let defect = KeyFile.Defect.line(
            2, "it must be a JSON object with name, sha256 and optional scopes and limits")
        #expect(throws: defect) { try KeyFile.parse("# keys\r\n{\r\n" + text) }
    }

    @Test func `a line that is wrong is named`() {
        let good = #"{"name":"a","sha256":"\#(digest)"}"#
        let cases: [(String, KeyFile.Defect)] = [
            ("", .empty),
            ("# nothing\n", .empty),
            (good + "\n{", .line(2, "it must be a JSON object with name, sha256 and optional scopes and limits")),
            (
                #"{"name":"a b","sha256":"\#(digest)"}"#,
                .line(1, "the name must be 1 to 64 of a-z, A-Z, 0-9, and . - _ @")
            ),
            (#"{"name":"a","sha256":"0a"}"#, .line(1, "sha256 must be 64 hexadecimal digits")),
            (#"{"name":"a","sha256":"\#(digest)","scope":[]}"#, .line(1, "scope is not known")),
            (#"{"name":"a","sha256":"\#(digest)","scopes":["admin"]}"#, .line(1, "a scope is not known")),
            (#"{"name":"a","sha256":"\#(digest)","requests_per_minute":0}"#, .line(1, "a limit must be 1 or more")),
            (good + "\n" + good, .line(2, "the name a comes twice")),
            (good + "\n" + good.replacing("\"a\"", with: "\"b\""), .line(2, "the key comes twice")),
        ]
        for (text, defect) in cases {
            #expect(throws: defect, "\(text)") { try KeyFile.parse(text) }
        }
    }

    @Test func `a file that others can read, or that is none, is refused`() throws {
        let line = #"{"name":"a","sha256":"\#(digest)"}"#
        #expect(try read(line, mode: 0o600).count == 1)
        #expect(try read(line, mode: 0o400).count == 1)
        #expect(throws: KeyFile.Defect.permissions(found: "0640")) { try read(line, mode: 0o640) }
        #expect(throws: KeyFile.Defect.permissions(found: "0604")) { try read(line, mode: 0o604) }
        #expect(throws: KeyFile.Defect.notAFile) { try KeyFile.read("/dev/zero") }
        #expect(throws: KeyFile.Defect.notAFile) { try KeyFile.read("/tmp") }
        #expect(throws: KeyFile.Defect.unreadable(reason: "No such file or directory")) {
            try KeyFile.read("/nonexistent/keys")
        }
    }
}
