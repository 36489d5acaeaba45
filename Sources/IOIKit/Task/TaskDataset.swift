import Foundation

/// Prompts that a model can be trained and evaluated on, of either kind.
public enum TaskDataset: Sendable {
    /// Indirect-object identification.
    case ioi(Dataset)
    /// Another task.
    case choice(ChoiceDataset)

    public var name: String {
        switch self {
        case .ioi(let dataset): dataset.name
        case .choice(let dataset): dataset.name
        }
    }

    /// What the prompts were drawn from; none for prompts read from a file.
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

    /// The JSON Lines: what to write, or what was read, byte by byte.
    public var jsonLines: Data {
        switch self {
        case .ioi(let dataset): dataset.jsonLines
        case .choice(let dataset): dataset.jsonLines
        }
    }
}
