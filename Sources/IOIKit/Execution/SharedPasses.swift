import Synchronization

/// Results of whole passes that several measurements of one experiment need, such as the metric of unpatched
/// runs. Each is computed once.
final class SharedPasses: Sendable {
    private struct Entry {
        /// Weak, so that an entry does not keep its model in memory.
        weak var model: GPT2Parameters?
        let name: String
        let prompts: [Prompt]
        let result: any Sendable
    }

    /// The latest last.
    private let entries = Mutex<[Entry]>([])
    /// Means take a few per cent of a model's memory.
    private static let most = 8

    /// The number of results that are kept.
    var count: Int { entries.withLock(\.count) }

    /// The result with this name for a model and prompts; nil if it is not known.
    func result<Result: Sendable>(_ name: String, of model: GPT2Parameters, _ prompts: [Prompt]) -> Result? {
        entries.withLock { entries in
            entries.first { $0.model === model && $0.name == name && $0.prompts == prompts }?.result as? Result
        }
    }

    func keep(_ result: some Sendable, as name: String, of model: GPT2Parameters, _ prompts: [Prompt]) {
        let entry = Entry(model: model, name: name, prompts: prompts, result: result)
        entries.withLock { $0 = $0.suffix(Self.most - 1) + [entry] }
    }
}
