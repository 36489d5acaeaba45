import Foundation

/// The prompts of any task, for training and evaluation.
public enum TaskDataset: Sendable {
    /// Indirect-object identification.
    case ioi(Dataset)
    /// Any other task.
    case choice(ChoiceDataset)

    public var name: String {
        switch self {
        case .ioi(let dataset): dataset.name
        case .choice(let dataset): dataset.name
        }
    }

    /// The seed of generated prompts; nil for prompts read from a file.
    public var seed: UInt64? {
        switch self {
        case .ioi(let dataset): dataset.seed
        case .choice(let dataset): dataset.seed
        }
    }

    public var count: Int {
        switch self {
        case .ioi(let dataset): dataset.count
        case .choice(let dataset): dataset.count
        }
    }

    /// The prompts as JSON Lines: generated, or exactly as read from the file.
    public var jsonLines: Data {
        switch self {
        case .ioi(let dataset): dataset.jsonLines
        case .choice(let dataset): dataset.jsonLines
        }
    }
}

extension TaskDataset {
    /// The text of each prompt with its answer, for training on text. Those of a ``PublishedDataset`` are the lines of its
    /// file.
    public var lines: [String] {
        switch self {
        case .ioi(let dataset): dataset.prompts.map { $0.text + $0.answer }
        case .choice(let dataset): dataset.prompts.map { $0.text + $0.answer }
        }
    }
}

/// IOI prompts and the exact contents of their file.
public struct Dataset: Sendable {
    /// The name of the ``DatasetRule`` or ``PublishedDataset``, or of the user's data.
    public let name: String
    /// The seed of generated prompts; nil for prompts read from a file.
    public let seed: UInt64?
    public let prompts: [Prompt]
    /// The prompts as JSON Lines: generated, or exactly as read from the file.
    public let jsonLines: Data
    /// The tokens of the names in the prompts' list of names, as far as they are single tokens; empty without a list.
    public var names: [Int] = []

    public var count: Int { prompts.count }
}
