/// Files stay open as long as the checkpoint: what is hashed is what was read, whatever a name leads to by then.
extension Checkpoint {
    /// Paths of every file that was used, for provenance.
    public var sourceFiles: [String] { sources.map(\.path) }

    /// Size of a source file, as it was opened.
    public func sourceBytes(_ source: Int) -> Int { sources[source].size }

    /// `count` bytes of a source file; the caller has checked them against its size.
    public func readSource(_ source: Int, at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
        try sources[source].bytes(at: offset, count: count)
    }

    /// Refuses source files that somebody wrote to since they were opened. Another file in a source's place is no
    /// matter.
    public func requireUnchanged() throws(CheckpointError) {
        for file in sources { try file.requireUnchanged() }
    }
}
