internal import Foundation

/// Header values to JSON bytes and back.
enum HeaderCoding {
    /// A vocabulary's tables are a blob, not header, so real headers stay below 4 MiB.
    static let lengthLimit = 16 << 20
    /// The writer nests 6 deep; Foundation's decoder is slow and stack-hungry on deep input.
    static let depthLimit = 32

    /// Sorted keys and no spaces: the same value always gives the same bytes.
    static func encode(_ value: some Encodable) throws(ModelFileDefect) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw .headerMalformed("cannot be written: \(reason(error))")
        }
    }

    /// Refuses nesting, syntax, wrong types, and keys that this version does not write.
    static func decode(_ bytes: [UInt8]) throws(ModelFileDefect) -> ModelHeader {
        let keys = try JSONScan.keys(in: bytes, depthLimit: depthLimit)
        let header: ModelHeader
        do {
            header = try JSONDecoder().decode(ModelHeader.self, from: Data(bytes))
        } catch {
            throw .headerMalformed(reason(error))
        }
        // Every key that was understood is written again; one left over was not understood, or stands twice.
        let understood = try encode(header)
        var counts: [ArraySlice<UInt8>: Int] = [:]
        for key in try JSONScan.keys(in: understood, depthLimit: depthLimit) {
            counts[understood[key], default: 0] += 1
        }
        for key in keys {
            let left = counts[bytes[key], default: 0]
            if left == 0 { throw .unknownHeaderKey(String(decoding: bytes[key].prefix(64), as: UTF8.self)) }
            counts[bytes[key]] = left - 1
        }
        return header
    }

    /// One line with the place, without Foundation's multi-line dump.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context): "key \"\(key.stringValue)\" is missing\(place(context))"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            "\(firstLine(context.debugDescription))\(place(context))"
        case EncodingError.invalidValue(let value, let context):
            "\(value) is not a number that JSON can hold\(place(context.codingPath))"
        default: firstLine("\(error)")
        }
    }

    private static func place(_ context: DecodingError.Context) -> String { place(context.codingPath) }

    private static func place(_ path: [any CodingKey]) -> String {
        path.isEmpty ? "" : " at " + path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }

    private static func firstLine(_ text: String) -> String {
        String(decoding: text.utf8.prefix { $0 != 10 }.prefix(200), as: UTF8.self)
    }
}

/// A linear scan that needs no stack, run before any real parser sees the bytes.
enum JSONScan {
    private static let keyLimit = 1 << 20

    /// Byte ranges of all object keys, without their quotes. Does not prove that the text is JSON.
    static func keys(in bytes: [UInt8], depthLimit: Int) throws(ModelFileDefect) -> [Range<Int>] {
        var keys: [Range<Int>] = []
        var depth = 0
        var lastString = 0..<0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let start = index + 1
                index = endOfString(bytes, from: start)
                lastString = start..<index
            case UInt8(ascii: ":"):
                if keys.count == keyLimit { throw .headerMalformed("more than \(keyLimit) keys") }
                keys.append(lastString)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth > depthLimit { throw .headerMalformed("nested deeper than \(depthLimit)") }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            index += 1
        }
        return keys
    }

    /// Index of the closing quote, or the end of the text.
    private static func endOfString(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }
}
