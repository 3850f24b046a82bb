import Foundation
public import Logging

/// Writes each log message as one line: text for a person or JSON for a collector.
public struct LineLogHandler: LogHandler {
    public enum Format: String, Sendable, CaseIterable {
        case text, json
    }

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let format: Format
    /// Text lines begin with "<N>", the priority that systemd's journal reads.
    private let hasPriority: Bool
    private let write: @Sendable (String) -> Void

    /// write: takes whole lines, from any thread.
    public init(
        format: Format, level: Logger.Level, hasPriority: Bool = false, write: @escaping @Sendable (String) -> Void
    ) {
        self.format = format
        logLevel = level
        self.hasPriority = hasPriority
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata.merging(event.metadata ?? [:]) { $1 }
        // Hummingbird's name for the id of a request.
        if let id = fields.removeValue(forKey: "hb.request.id") { fields["request_id"] = id }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, Self.value($0.value)) }
        let time = Date.now.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
        let line =
            switch format {
            case .text: text(time, event, sorted)
            case .json: json(time, event, sorted)
            }
        write(line + "\n")
    }

    private enum Value {
        case text(String)
        case number(String)
    }

    private static func value(_ value: Logger.MetadataValue) -> Value {
        if case .stringConvertible(let value) = value, let number = value as? Int { return .number(String(number)) }
        return .text(value.description)
    }

    private func text(_ time: String, _ event: LogEvent, _ fields: [(String, Value)]) -> String {
        var line = hasPriority ? "<\(Self.priority(event.level))>" : "\(time)Z "
        line += "\(event.level.rawValue) \(Self.escaped(event.message.description))"
        for (key, value) in fields {
            switch value {
            case .number(let number): line += " \(key)=\(number)"
            case .text(let text):
                let isPlain = !text.isEmpty && text.utf8.allSatisfy { 0x21..<0x7F ~= $0 && $0 != UInt8(ascii: "\"") }
                line += " \(Self.escaped(key))=" + (isPlain ? text : "\"\(Self.escaped(text))\"")
            }
        }
        return line
    }

    private func json(_ time: String, _ event: LogEvent, _ fields: [(String, Value)]) -> String {
        var object = JSONObject()
        object.append("time", .string(time + "Z"))
        object.append("level", .string(event.level.rawValue))
        object.append("message", .string(event.message.description))
        for (key, value) in fields where object[key] == nil {
            switch value {
            case .number(let number): object.append(key, Int(number).map { .integer($0) } ?? .string(number))
            case .text(let text): object.append(key, .string(text))
            }
        }
        return String(decoding: JSONValue.object(object).line, as: UTF8.self)
    }

    /// No byte of a client's can begin a new line or colour a terminal.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
                {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// syslog(3)'s numbers.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
