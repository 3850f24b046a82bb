internal import Glibc
internal import Synchronization

/// A new file beside its target, removed unless it is renamed to the target. Where the target is a link, all of this
/// happens to the file that it leads to, and the link stays.
///
/// While it is being written its owner holds an advisory lock, which the kernel drops when the process ends in any
/// way. A temporary file without a lock is therefore stale, even when its process id was given to someone else.
package final class TemporaryFile: Sendable {
    package let file: OpenFile
    let path: String
    private let folder: String
    /// As messages name it.
    private let target: String
    /// The name that the file gets: the target, or what that leads to.
    private let place: String
    /// Renamed or removed: the name may belong to the next writer.
    private let gone = Atomic<Bool>(false)

    /// `target`: path of the file to be made. Removes stale temporary files of the same target first.
    package init(target: String, plannedBytes: Int) throws(ModelFileError) {
        place = try Self.resolved(target)
        let parts = Self.split(place)
        guard !parts.name.isEmpty, parts.name != ".", parts.name != ".." else {
            throw .cannotCreate(path: target, reason: "it names no file")
        }
        path = Self.path(parts.folder, parts.name)
        folder = parts.folder
        self.target = target
        for _ in 0..<Self.attempts {
            Self.removeStale(folder: parts.folder, name: parts.name)
            if let descriptor = try Self.create(path, target: target, plannedBytes: plannedBytes) {
                file = OpenFile(path: target, descriptor: descriptor, plannedBytes: plannedBytes)
                return
            }
            usleep(1000)
        }
        throw .cannotCreate(path: target, reason: "another writer is at it")
    }

    private static func path(_ folder: String, _ name: String) -> String { "\(folder)/.\(name).tmp-\(getpid())" }

    /// Removes this process's temporary file of a target, if there is one: for a process that ends without leaving its
    /// functions.
    package static func removeOwn(target: String) {
        let parts = split(target)
        unsafe unlink(path(parts.folder, parts.name))
    }

    /// Milliseconds for which a name is tried that is taken, or lost before it was locked: others hold a stale file's
    /// lock for less than one.
    private static let attempts = 100

    /// A new file with its lock; nil when the name is taken or another process took the file for a stale one.
    private static func create(
        _ path: String, target: String, plannedBytes: Int
    ) throws(ModelFileError) -> Int32? {
        let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        if descriptor < 0 {
            if errno == EEXIST { return nil }
            throw [ENOSPC, EDQUOT].contains(errno)
                ? .outOfSpace(path: target, needed: plannedBytes, available: 0)
                : .cannotCreate(path: target, reason: systemReason(errno))
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            if isNamed(path, descriptor) { return descriptor }
        } else if errno != EWOULDBLOCK {
            let reason = systemReason(errno)
            close(descriptor)
            unsafe unlink(path)
            throw .cannotCreate(path: target, reason: "cannot be locked: \(reason)")
        }
        close(descriptor)
        return nil
    }

    /// Whether the open file is still the one of that name.
    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var file = stat()
        var named = stat()
        guard unsafe fstat(descriptor, &file) == 0, unsafe lstat(path, &named) == 0 else { return false }
        return file.st_dev == named.st_dev && file.st_ino == named.st_ino
    }

    deinit { remove() }

    /// Removes the file unless it was renamed. Needed before the last reference goes: threads that have ended may hold
    /// one for a moment, in which the process could end.
    func remove() {
        if !gone.exchange(true, ordering: .relaxed) { unsafe unlink(path) }
    }

    /// Gives the file its name. The target is either untouched or complete at every moment. Only the folder's sync
    /// fails after that: the target is then the new file, but its name may be lost with the machine's power.
    package func commit(replacing: Bool) throws(ModelFileError) {
        let folder = try openFolder()
        if replacing {
            if unsafe rename(path, place) != 0 {
                throw .inputOutput(path: target, operation: "rename", reason: systemReason(errno))
            }
        } else {
            try renameWithoutReplacing()
        }
        gone.store(true, ordering: .relaxed)
        try synchronize(folder)
    }

    /// A hard link fails when the name is taken, even by a file that was made a moment ago. File systems without hard
    /// links get a check and a rename, which leaves that moment open.
    private func renameWithoutReplacing() throws(ModelFileError) {
        if unsafe link(path, place) == 0 {
            unsafe unlink(path)
            return
        }
        if errno == EEXIST { throw .outputExists(path: target) }
        if unsafe access(place, F_OK) == 0 { throw .outputExists(path: target) }
        if unsafe rename(path, place) != 0 {
            throw .inputOutput(path: target, operation: "rename", reason: systemReason(errno))
        }
    }

    private func openFolder() throws(ModelFileError) -> OpenFile {
        let descriptor = unsafe Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 {
            throw .inputOutput(path: folder, operation: "open", reason: systemReason(errno))
        }
        return OpenFile(path: folder, descriptor: descriptor)
    }

    /// The new name reaches the disk only with its folder.
    private func synchronize(_ folder: OpenFile) throws(ModelFileError) {
        // Some file systems have nothing to sync in a folder and say so.
        if fsync(folder.descriptor) != 0, errno != EINVAL, errno != ENOTSUP {
            throw .inputOutput(path: folder.path, operation: "fsync", reason: systemReason(errno))
        }
    }

    /// Free bytes for this user on the file system of `target`'s folder; nil when it cannot be told.
    static func availableBytes(target: String) -> Int? {
        var status = statvfs()
        guard unsafe statvfs(split(target).folder, &status) == 0 else { return nil }
        let bytes = status.f_bavail.multipliedReportingOverflow(by: status.f_frsize)
        return bytes.overflow ? nil : Int(exactly: bytes.partialValue)
    }

    /// The file that a path leads to. A rename to a link's own name would replace the link, /dev/stdout among them.
    static func resolved(_ path: String) throws(ModelFileError) -> String {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
        guard let real = unsafe realpath(path, nil) else {
            let code = errno
            let reason = code == ENOENT ? "to a file that is not there" : "and leads nowhere: \(systemReason(code))"
            throw .cannotCreate(path: path, reason: "it is a symbolic link \(reason)")
        }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Folder and name of the file that a path leads to; of the path itself where it leads nowhere.
    package static func split(_ path: String) -> (folder: String, name: String) {
        let path = (try? resolved(path)) ?? path
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }

    /// Removal is a courtesy: a file that cannot be removed is left.
    static func removeStale(folder: String, name: String) {
        guard let directory = unsafe opendir(folder) else { return }
        defer { unsafe closedir(directory) }
        let prefix = ".\(name).tmp-"
        while let entry = unsafe readdir(directory) {
            let found = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard found.hasPrefix(prefix), found.utf8.dropFirst(prefix.utf8.count).allSatisfy({ 48...57 ~= $0 })
            else { continue }
            let path = "\(folder)/\(found)"
            let descriptor = unsafe Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            // Only who holds a file's lock removes its name: until then it cannot become another file's.
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isNamed(path, descriptor) { unsafe unlink(path) }
            close(descriptor)
        }
    }
}
