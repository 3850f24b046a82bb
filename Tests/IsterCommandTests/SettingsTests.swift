import Foundation
import IsterServer
import Testing

@testable import ister

struct SettingsTests {
    private func settings(
        flags: [String: [String]] = [:], environment: [String: String] = [:], json: String? = nil
    ) throws -> Settings {
        let file = try json.map { try ConfigurationFile(path: "c.json", bytes: Array($0.utf8)) }
        return Settings(flags: flags, environment: environment, file: file)
    }

    private func code(_ body: () throws -> Void) -> Failure.Code? {
        do { try body() } catch { return (error as? Failure)?.code }
        return nil
    }

    @Test func `a flag comes before the environment, that before the file, that before the default`() throws {
        let json = #"{"port": 3, "drain_timeout": 1.5, "allowed-host": ["a", "b"], "lenient": true}"#
        var all = try settings(flags: ["port": ["1"]], environment: ["ISTER_PORT": "2"], json: json)
        let ofAll = try all.integer("port", default: 4, in: 0...9)
        #expect(ofAll == 1)
        var two = try settings(environment: ["ISTER_PORT": "2"], json: json)
        let ofTwo = try two.integer("port", default: 4, in: 0...9)
        #expect(ofTwo == 2)
        var three = try settings(json: json)
        let ofThree = try three.integer("port", default: 4, in: 0...9)
        #expect(ofThree == 3)
        let seconds = try three.seconds("drain-timeout", default: 30)
        #expect(seconds == 1.5)
        let hosts = three.list("allowed-host")
        #expect(hosts == ["a", "b"])
        let isLenient = try three.isOn("lenient")
        #expect(isLenient)
        try three.requireKnown()
        var none = try settings()
        let ofNone = try none.integer("port", default: 4, in: 0...9)
        #expect(ofNone == 4)
        #expect(all.entries.map(\.source) == [.flag])
        #expect(two.entries.map(\.source) == [.environment("ISTER_PORT")])
        #expect(three.entries.map(\.source) == Array(repeating: .file("c.json"), count: 4))
        #expect(none.entries.map(\.source) == [.default])
    }

    @Test func `what is wrong is a wrong use on the command line and a wrong configuration elsewhere`() throws {
        func port(_ flags: [String: [String]], _ environment: [String: String], _ json: String?) -> Failure.Code? {
            code {
                var all = try settings(flags: flags, environment: environment, json: json)
                _ = try all.integer("port", default: 1, in: 0...9)
            }
        }
        #expect(port(["port": ["x"]], [:], nil) == .usage)
        #expect(port(["port": ["10"]], [:], nil) == .usage)
        #expect(port([:], ["ISTER_PORT": "10"], nil) == .configuration)
        #expect(port([:], [:], #"{"port": true}"#) == .configuration)
        #expect(port([:], [:], #"{"port": ["1", "2"]}"#) == .configuration)
        for json in ["[]", "{", #"{"a": null}"#, #"{"a": {}}"#, #"{"a": [1]}"#, #"{"a": 1, "a": 2}"#] {
            #expect(code { _ = try settings(json: json) } == .configuration, "\(json)")
        }
        #expect(code { try settings(json: #"{"prot": 1}"#).requireKnown() } == .configuration)
    }

    @Test func `a report tells each value and its source and no secret`() throws {
        var some = try settings(environment: ["ISTER_API_KEY": "very secret"])
        _ = try some.integer("port", default: 8080, in: 0...65535)
        _ = try some.text("api-key")
        #expect(
            some.report(secrets: ["api-key"]) == """
                port     8080  (default)
                api-key  ********  (environment ISTER_API_KEY)

                """)
    }

    @Test func `an address that others reach needs keys or consent`() throws {
        func configure(_ flags: [String: [String]], _ environment: [String: String] = [:]) throws -> ServeConfiguration
        {
            var all = try settings(flags: flags, environment: environment)
            return try ServeConfiguration(&all)
        }
        for host in ["127.0.0.1", "127.0.0.2", "localhost", "::1"] { _ = try configure(["host": [host]]) }
        #expect(code { _ = try configure(["host": ["0.0.0.0"]]) } == .usage)
        #expect(code { _ = try configure(["host": ["10.1.2.3"]]) } == .usage)
        #expect(try configure(["host": ["0.0.0.0"], "no-auth": ["true"]]).keys == nil)
        let keyed = try configure(["host": ["0.0.0.0"]], ["ISTER_API_KEY": "0123456789abcdef"])
        #expect(keyed.keys?.names == ["environment"])
        #expect(keyed.server.access.allowsAddressHosts)
        #expect(code { _ = try configure([:], ["ISTER_API_KEY": "short"]) } == .configuration)
        #expect(code { _ = try configure(["no-auth": ["true"]], ["ISTER_API_KEY": "0123456789abcdef"]) } == .usage)
        #expect(code { _ = try configure(["key-file": ["/nonexistent"]]) } == .configuration)
        #expect(code { _ = try configure(["tls-cert": ["a"]]) } == .usage)
        #expect(try configure(["host": ["::1"]]).server.access.allowedHosts.contains("[::1]"))
        #expect(try configure([:]).server.access.openPaths == ["/", "/health"])
        #expect(try configure(["no-page": ["true"]]).server.access.openPaths == ["/health"])
    }

    @Test func `a file of settings that is not there is a wrong configuration`() {
        #expect(code { _ = try ConfigurationFile.read("/nonexistent") } == .configuration)
    }

    @Test func `stderr is the journal's stream only where device and inode are its own`() throws {
        var status = stat()
        try #require(unsafe fstat(2, &status) == 0)
        #expect(StandardError.isJournal("\(status.st_dev):\(status.st_ino)"))
        for other in [nil, "", "1", "\(status.st_dev):\(status.st_ino)0"] as [String?] {
            #expect(!StandardError.isJournal(other))
        }
    }

    @Test func `sizes are read in powers of 1024`() {
        #expect(ByteCount.parse("2G") == 2 << 30)
        #expect(ByteCount.parse("1.5gb") == 3 << 29)
        #expect(ByteCount.parse("512MiB") == 512 << 20)
        #expect(ByteCount.parse("4096") == 4096)
        for text in ["", "G", "-1G", "1X", "nan", "inf", "1e300T"] { #expect(ByteCount.parse(text) == nil, "\(text)") }
    }
}
