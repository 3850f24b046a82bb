extension Checkpoint {
    static func openGGUF(_ path: String) throws(CheckpointError) -> Checkpoint {
        throw .notFound(path: path, need: "a folder")
    }
}
