internal import Foundation

/// Files of one JSON object a line.
enum JSONLines {
    /// The largest known item, a long passage, is a hundredth of this.
    static let lineLimit = 1 << 20
    /// Items nest 2 deep; Foundation's decoder is slow and stack-hungry on deep input.
    static let depthLimit = 16

    struct Line {
        /// From 1.
        var number: Int
        /// Offset in the file.
        var offset: Int
        var bytes: ArraySlice<UInt8>
    }

    /// Lines that hold more than white space. The last one needs no line break.
    static func split(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        var number = 1
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let line = bytes[start..<end]
            if line.contains(where: { $0 > 0x20 }) { lines.append(Line(number: number, offset: start, bytes: line)) }
            start = end + 1
            number += 1
        }
        return lines
    }

    /// What is wrong with a line, in a few words.
    struct Defect: Error {
        var reason: String
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ line: ArraySlice<UInt8>) throws(Defect) -> Value {
        guard line.count <= lineLimit else {
            throw Defect(reason: "\(line.count) bytes; at most \(lineLimit) are read")
        }
        guard depth(line) <= depthLimit else { throw Defect(reason: "nested deeper than \(depthLimit)") }
        do {
            return try JSONDecoder().decode(type, from: Data(line))
        } catch let error as DecodingError {
            throw Defect(reason: reason(error))
        } catch {
            throw Defect(reason: "not JSON")
        }
    }

    static func encode(_ value: some Encodable) throws(Defect) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
        } catch {
            throw Defect(reason: "cannot be written as JSON")
        }
    }

    /// Deepest nesting of brackets outside strings.
    private static func depth(_ line: ArraySlice<UInt8>) -> Int {
        var (depth, deepest) = (0, 0)
        var (isInString, isEscaped) = (false, false)
        for byte in line {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return deepest
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case .typeMismatch(let type, let context):
            type is any ExpressibleByDictionaryLiteral.Type
                ? "\(path(context)) is no object" : "\(path(context)) is no \(type)"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(path(context)): \(context.debugDescription)"
        case .valueNotFound(let type, let context): "\(path(context)) is null, a \(type) is needed"
        default: "not JSON"
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "the line" : "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\""
    }
}
