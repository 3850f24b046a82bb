internal import Glibc

/// Writes a report; it appears under its name when it is complete.
public enum ReportFile {
    public static func write(_ text: String, to path: String) throws(EvaluationError) {
        let file = try EvaluationFile(creating: path + ".part")
        try file.append(Array(text.utf8))
        try file.publish(as: path)
    }
}

/// Whether something has a name.
public enum FileStatus {
    public static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}
