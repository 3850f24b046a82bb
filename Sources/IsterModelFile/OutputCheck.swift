internal import Glibc

/// Whether a path may become the output, before anything is written.
package enum OutputCheck {
    /// An existing output must be a regular file, must be allowed to be replaced and must not be one of `inputs`,
    /// whatever their paths look like.
    package static func check(_ path: String, replacing: Bool, inputs: [String]) throws(ModelFileError) {
        var output = stat()
        guard unsafe stat(path, &output) == 0 else {
            guard errno == ENOENT else { throw .cannotCreate(path: path, reason: systemReason(errno)) }
            if unsafe lstat(path, &output) != 0 { return }
            throw .cannotCreate(path: path, reason: "it is a symbolic link to a file that is not there")
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
