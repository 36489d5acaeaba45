import Foundation

/// IOI prompts and the exact contents of their file.
public struct IOIDataset: Sendable {
    /// The name of the ``DatasetRule`` or ``PublishedDataset``, or of the user's data.
    public let name: String
    /// The seed of generated prompts; nil for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [IOIPrompt]
    /// The prompts as JSON Lines: generated, or exactly as read from the file.
    public let jsonLines: Data
    /// The tokens of the names in the prompts' list of names, as far as they are single tokens; empty without a list.
    public var names: [Int] = []
    /// The prompts of a file whose answers or positions are in doubt, each with its place and what is found there.
    public var irregular: [String] = []

    public var count: Int { prompts.count }
}
