public import IsterTokenizer

/// Ids to text, one at a time. `StreamDecoder` is the real one; tests use a table.
public protocol TextStream: Sendable {
    /// The text that became certain with this token, never half a character.
    mutating func append(_ id: Int32) -> String
    /// The rest, when no token follows.
    mutating func finish() -> String
}

extension StreamDecoder: TextStream {}
