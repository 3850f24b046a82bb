import Foundation
import IsterCheckpoint
import Testing

/// A folder that goes with the value's last use.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/ister-checkpoint-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }
}

func golden(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: goldenPath(name)))) }

func goldenPath(_ name: String) throws -> String {
    let folder = try #require(Bundle.module.resourcePath)
    return folder + "/Golden/" + name
}

/// The error with which a checkpoint is refused; an accepted one is an issue.
func refusal(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) -> CheckpointError? {
    do throws(CheckpointError) {
        _ = try Checkpoint.open(path: path)
        Issue.record("\(path) was accepted", sourceLocation: sourceLocation)
        return nil
    } catch {
        // Every message is one readable line.
        #expect(!error.description.isEmpty && !error.description.contains("\n"), sourceLocation: sourceLocation)
        return error
    }
}

extension FixedWidthInteger {
    var bytes: [UInt8] { withUnsafeBytesOfLittleEndian() }

    private func withUnsafeBytesOfLittleEndian() -> [UInt8] {
        (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
    }
}

/// SplitMix64: the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
