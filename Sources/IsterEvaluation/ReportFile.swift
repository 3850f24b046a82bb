internal import Glibc

/// Files that a run makes beside its result on stdout.
public enum ReportFile {
    /// Whether `path` may be written, before hours go into what would be: it is none of `inputs`, nothing else than a
    /// regular file has its name, and its folder takes a new file.
    /// isExtended: an existing file is written to where it is, whatever its folder takes.
    public static func check(
        _ path: String, inputs: [String], isExtended: Bool = false
    ) throws(EvaluationError) {
        try EvaluationOutput.check(path, inputs: inputs)
        if !isExtended || !FileStatus.exists(path) { try EvaluationOutput.requireRoom(path) }
    }

    /// Writes a report; it appears under its name, in place of an earlier one, when it is complete.
    public static func write(_ text: String, to path: String, inputs: [String] = []) throws(EvaluationError) {
        let bytes = Array(text.utf8)
        let file = try EvaluationOutput(path, inputs: inputs, plannedBytes: bytes.count)
        try file.append(bytes)
        try file.publish()
    }
}

/// Whether something has a name.
public enum FileStatus {
    public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}
