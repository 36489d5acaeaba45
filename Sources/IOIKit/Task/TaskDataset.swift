import Foundation

/// The prompts of any task and the exact contents of their file.
public struct TaskDataset: Sendable {
    /// The name of the generated or published dataset, or of the user's data.
    public let name: String
    /// The seed of generated prompts; nil for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [Prompt]
    /// The prompts as JSON Lines: generated, or exactly as read from the file.
    public let jsonLines: Data
    /// The prompts as those of indirect-object identification; nil for any other task.
    public private(set) var ioi: IOIDataset?
    /// How many prompts of the file were left out because their counterfactuals are of another length; nil if that was not
    /// asked for.
    public var dropped: Int?
    /// The prompts of the file whose answers or positions are in doubt, each with its place and what is found there.
    public private(set) var irregular: [String] = []

    /// The options of the prompts' source that have no effect on them, and why, by their names in results files.
    public internal(set) var idle: [String: String] = [:]

    init(name: String, seed: UInt64?, prompts: [Prompt], jsonLines: Data, irregular: [String] = []) {
        (self.name, self.seed, self.prompts, self.jsonLines) = (name, seed, prompts, jsonLines)
        self.irregular = irregular
    }

    public init(_ dataset: IOIDataset) {
        self.init(
            name: dataset.name, seed: dataset.seed, prompts: dataset.prompts.map(Prompt.init),
            jsonLines: dataset.jsonLines, irregular: dataset.irregular
        )
        ioi = dataset
    }

    public var count: Int { prompts.count }

    /// Whether all prompts name the positions of indirect-object identification, and so can be analysed as such.
    public var namesIOI: Bool { prompts.allSatisfy { $0.positions.areIOI && $0.rightTokens.count == 1 } }

    /// The text of each prompt with its answer, for training on text. Those of a ``PublishedDataset`` are the lines of its
    /// file.
    public var lines: [String] { prompts.map { $0.text + $0.answer } }
}
