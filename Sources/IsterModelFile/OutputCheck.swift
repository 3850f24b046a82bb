internal import Glibc

/// Whether a path may become the output, before anything is written.
enum OutputCheck {
    /// An existing output must be a regular file, must be allowed to be replaced and must not be one of `inputs`,
    /// whatever their paths look like.
    static func check(_ path: String, replacing: Bool, inputs: [String]) throws(ModelFileError) {
        var output = stat()
        guard unsafe stat(path, &output) == 0 else {
            if errno == ENOENT { return }
            throw .cannotCreate(path: path, reason: systemReason(errno))
        }
        for input in inputs {
            var status = stat()
            if unsafe stat(input, &status) == 0, status.st_dev == output.st_dev, status.st_ino == output.st_ino {
                throw .outputIsInput(path: path, input: input)
            }
        }
        if output.st_mode & S_IFMT != S_IFREG {
            throw .cannotCreate(path: path, reason: "it exists and is not a regular file")
        }
        if !replacing { throw .outputExists(path: path) }
    }
}
