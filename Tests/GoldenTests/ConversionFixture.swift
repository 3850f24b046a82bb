import Foundation

/// A copy of a committed checkpoint that a test may damage, and a folder for its output; both go with the test.
final class ConversionFixture: Sendable {
    let folder: String
    var source: String { folder + "/source" }
    var output: String { folder + "/out/model.ister" }

    init(_ name: String) throws {
        folder = FileManager.default.temporaryDirectory.path + "/ister-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Self.path(name), toPath: source)
        for file in try FileManager.default.contentsOfDirectory(atPath: source) {
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: source + "/" + file)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A committed checkpoint, read-only.
    static func path(_ name: String) -> String { Bundle.module.bundlePath + "/Fixtures/" + name }

    /// Names in the output's folder.
    func outputs() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted() }

    func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
    }

    /// A reader of safetensors that shares no code with the converter: values of a tensor as floats, and where they
    /// start in the file.
    func tensor(_ name: String, in file: String = "model.safetensors") throws -> (values: [Float], start: Int) {
        let all = try bytes(source + "/" + file)
        let headerLength = Int(all[0]) | Int(all[1]) << 8 | Int(all[2]) << 16
        let json = try JSONSerialization.jsonObject(with: Data(all[8..<8 + headerLength]))
        guard let entry = (json as? [String: Any])?[name] as? [String: Any], let type = entry["dtype"] as? String,
            let offsets = entry["data_offsets"] as? [Int]
        else { throw CocoaError(.fileReadCorruptFile) }
        let start = 8 + headerLength + offsets[0]
        let data = Array(all[start..<8 + headerLength + offsets[1]])
        switch type {
        case "F32": return (stride(from: 0, to: data.count, by: 4).map { Float(bitPattern: word(data, $0)) }, start)
        case "BF16":
            let words = stride(from: 0, to: data.count, by: 2)
            return (words.map { Float(bitPattern: UInt32(data[$0]) << 16 | UInt32(data[$0 + 1]) << 24) }, start)
        default: throw CocoaError(.fileReadUnknown)
        }
    }

    func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }
}
