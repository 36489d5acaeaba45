import Synchronization

/// Results of whole passes that several measurements of one experiment need: means over counterfactuals, and logit
/// differences of unpatched runs. Each is computed once.
final class SharedPasses: Sendable {
    private struct Key: Equatable {
        let site: Set<Site>
        let group: Ablation.Group?
        let prompts: [Prompt]
    }

    private struct Entry {
        /// No reason to keep a model in memory.
        weak var model: GPT2Parameters?
        let key: Key
        let result: any Sendable
    }

    /// The latest last.
    private let entries = Mutex<[Entry]>([])
    /// Means take a few per cent of a model's memory.
    private static let most = 8

    /// The number of results that are kept.
    var count: Int { entries.withLock(\.count) }

    func means(
        of model: GPT2Parameters,
        sites: Set<Site>,
        over prompts: [Prompt],
        group: Ablation.Group,
        workers: Workers
    ) throws -> AblationMeans {
        let key = Key(site: sites, group: group, prompts: prompts)
        if let known = known(model, key) as? AblationMeans { return known }
        let means = try AblationMeans(model, sites: sites, over: prompts, group: group, workers: workers)
        keep(means, model, key)
        return means
    }

    /// The logit differences of unpatched runs; nil if they are not known. [prompts]
    func differences(of model: GPT2Parameters, _ prompts: [Prompt]) -> [Double]? {
        known(model, Key(site: [], group: nil, prompts: prompts)) as? [Double]
    }

    func keep(_ differences: [Double], of model: GPT2Parameters, _ prompts: [Prompt]) {
        let key = Key(site: [], group: nil, prompts: prompts)
        if known(model, key) == nil { keep(differences, model, key) }
    }

    private func known(_ model: GPT2Parameters, _ key: Key) -> (any Sendable)? {
        entries.withLock { $0.first { $0.model === model && $0.key == key }?.result }
    }

    private func keep(_ result: any Sendable, _ model: GPT2Parameters, _ key: Key) {
        entries.withLock { $0 = $0.suffix(Self.most - 1) + [Entry(model: model, key: key, result: result)] }
    }
}
