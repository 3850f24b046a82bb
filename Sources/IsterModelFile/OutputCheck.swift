internal import Glibc

/// Whether a path may become the output, before anything is written.
package enum OutputCheck {
    /// An existing output must be a regular file, must be allowed to be replaced and must not be one of `inputs`,
    /// whatever their paths look like; of a link all this holds for the file that it leads to. One that does not exist
    /// must not be where an input will be.
    package static func check(_ path: String, replacing: Bool, inputs: [String]) throws(ModelFileError) {
        var output = stat()
        guard unsafe stat(path, &output) == 0 else {
            guard errno == ENOENT else { throw .cannotCreate(path: path, reason: systemReason(errno)) }
            // Throws if it is a link to nothing.
            _ = try TemporaryFile.resolved(path)
            if let input = inputs.first(where: { isSamePlace($0, path) }) {
                throw .outputIsInput(path: path, input: input)
            }
            return
        }
        for input in inputs where isFile(input, output) { throw .outputIsInput(path: path, input: input) }
        if output.st_mode & S_IFMT != S_IFREG {
            throw .cannotCreate(path: path, reason: "it exists and is not a regular file")
        }
        // Through /dev/stdout a file may be reached that has no name any more, so that it cannot be replaced.
        _ = try TemporaryFile.resolved(path)
        if !replacing { throw .outputExists(path: path) }
    }

    /// Whether a new file can be made where the output will be, found out by making one: for outputs that are written
    /// after hours of work.
    package static func requireRoomForFile(_ path: String) throws(ModelFileError) {
        try TemporaryFile(target: path, plannedBytes: 0).remove()
    }

    /// Refuses what the output's file system has no room for. Where that cannot be told, writing will tell.
    package static func requireSpace(_ bytes: Int, for path: String) throws(ModelFileError) {
        if let available = TemporaryFile.availableBytes(target: path), available < bytes {
            throw .outOfSpace(path: path, needed: bytes, available: available)
        }
    }

    private static func isFile(_ path: String, _ file: stat) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return status.st_dev == file.st_dev && status.st_ino == file.st_ino
    }

    /// Whether two paths, of which neither need exist, are one name in one folder.
    private static func isSamePlace(_ first: String, _ second: String) -> Bool {
        let (first, second) = (TemporaryFile.split(first), TemporaryFile.split(second))
        var folder = stat()
        guard first.name == second.name, unsafe stat(first.folder, &folder) == 0 else { return false }
        return isFile(second.folder, folder)
    }
}
