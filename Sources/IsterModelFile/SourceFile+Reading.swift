internal import Glibc

extension Provenance.SourceFile {
    /// Name and size of a file, its checksum left unknown. The name has no folder: a model file tells nobody's paths.
    public static func unhashed(path: String) throws(ModelFileError) -> Self {
        let file = try OpenFile.reading(path)
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.index(after: $0)...]) } ?? path
        return Self(name: name, bytes: Int(try file.status().st_size), sha256: Digest256.unknown)
    }

    /// The same with its checksum; reads the whole file.
    public static func hashed(path: String) throws(ModelFileError) -> Self {
        var source = try unhashed(path: path)
        source.sha256 = try BlobReader(file: try OpenFile.reading(path)).digest(from: 0, length: source.bytes)
        return source
    }
}
