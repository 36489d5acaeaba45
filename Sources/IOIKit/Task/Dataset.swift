import Foundation

/// Prompts and the exact bytes of the file that holds them.
public struct Dataset: Sendable {
    /// The name of the ``DatasetRule``, or of the user's own data.
    public let name: String
    /// What the prompts were drawn from; none for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [Prompt]
    /// The JSON Lines: what to write, or what was read, byte by byte.
    public let jsonLines: Data

    public var count: Int { prompts.count }
}
