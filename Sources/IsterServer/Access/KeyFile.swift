import Foundation

/// Reads the key file: a JSON object a line; empty lines and lines that begin with # are skipped.
public enum KeyFile {
    public enum Defect: Error, Equatable, CustomStringConvertible {
        case unreadable(reason: String)
        case permissions(found: String)
        case notAFile
        case tooLarge(bytes: Int)
        case line(Int, String)
        case empty

        public var description: String {
            switch self {
            case .unreadable(let reason): "cannot be read: \(reason)"
            case .permissions(let found): "has mode \(found); others can read it: chmod 600"
            case .notAFile: "is not a regular file"
            case .tooLarge(let bytes): "has \(bytes) bytes; at most \(KeyFile.mostBytes) are read"
            case .line(let number, let what): "line \(number): \(what)"
            case .empty: "has no keys"
            }
        }
    }

    static let mostBytes = 4 << 20

    private struct Line: Decodable {
        var name: String
        var sha256: String
        var scopes: [String]?
        var requests_per_minute: Double?
        var tokens_per_minute: Double?
    }

    private static let fields: Set<String> = ["name", "sha256", "scopes", "requests_per_minute", "tokens_per_minute"]

    public static func read(_ path: String) throws(Defect) -> [APIKey] {
        try parse(contents(of: path))
    }

    public static func parse(_ text: String) throws(Defect) -> [APIKey] {
        var keys: [APIKey] = []
        // To Swift "\r\n" is one character, and another than "\n".
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            let line = line.trimmingPrefix(while: \.isWhitespace)
            if line.isEmpty || line.hasPrefix("#") { continue }
            let key = try parseLine(String(line), number: index + 1)
            if keys.contains(where: { $0.name == key.name }) {
                throw .line(index + 1, "the name \(key.name) comes twice")
            }
            if keys.contains(where: { $0.digest == key.digest }) { throw .line(index + 1, "the key comes twice") }
            keys.append(key)
        }
        if keys.isEmpty { throw .empty }
        return keys
    }

    private static func parseLine(_ text: String, number: Int) throws(Defect) -> APIKey {
        let data = Data(text.utf8)
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let line = try? JSONDecoder().decode(Line.self, from: data)
        else { throw .line(number, "it must be a JSON object with name, sha256 and optional scopes and limits") }
        if let unknown = object.keys.filter({ !fields.contains($0) }).min() {
            throw .line(number, "\(unknown) is not known")
        }
        guard APIKey.isName(line.name) else {
            throw .line(number, "the name must be 1 to 64 of a-z, A-Z, 0-9, and . - _ @")
        }
        guard let digest = bytes(line.sha256), digest.count == 32 else {
            throw .line(number, "sha256 must be 64 hexadecimal digits")
        }
        var scopes: Set<APIKey.Scope> = []
        for text in line.scopes ?? APIKey.Scope.allCases.map(\.rawValue) {
            guard let scope = APIKey.Scope(rawValue: text) else { throw .line(number, "a scope is not known") }
            scopes.insert(scope)
        }
        for limit in [line.requests_per_minute, line.tokens_per_minute].compactMap(\.self) where !(1...1e12 ~= limit) {
            throw .line(number, "a limit must be 1 or more")
        }
        return APIKey(
            name: line.name, digest: digest, scopes: scopes, requestsPerMinute: line.requests_per_minute,
            tokensPerMinute: line.tokens_per_minute)
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
        let digits = hex.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count % 2 == 0, digits.allSatisfy({ $0 != nil }) else { return nil }
        let values = digits.compactMap(\.self)
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }

    /// Opened first and asked about through the descriptor, so that the file asked about is the one that is read.
    private static func contents(of path: String) throws(Defect) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(reason: reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(reason: reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        let mode = status.st_mode & 0o777
        // systemd's credentials and Kubernetes' secrets: root's, and read through a group or an access list that shows
        // as one.
        let isCredential = status.st_uid == 0 && mode == 0o440
        if mode & 0o177 != 0, !isCredential { throw .permissions(found: "0" + String(mode, radix: 8)) }
        guard status.st_size <= mostBytes else { throw .tooLarge(bytes: Int(status.st_size)) }
        var bytes = [UInt8](repeating: 0, count: mostBytes + 1)
        var filled = 0
        while filled < bytes.count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Foundation.read(
                    descriptor, buffer.baseAddress.map { unsafe $0 + filled }, buffer.count - filled)
            }
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw .unreadable(reason: reason(errno))
            }
            filled += got
        }
        guard filled <= mostBytes else { throw .tooLarge(bytes: filled) }
        return String(decoding: bytes[..<filled], as: UTF8.self)
    }

    private static func reason(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
