/// Means of z, MLP outputs or the embedding over counterfactuals, computed once for all knockouts.
final class AblationMeans: Sendable {
    /// The tokens that share a mean.
    private enum Key: Hashable {
        case position(PromptGroup, Int)
        case named(PositionName)
        case other
    }

    private let group: Ablation.Group
    private let headWidth: Int
    /// The common prefix of each group's counterfactuals.
    private let beginnings: [PromptGroup: [Int]]
    private let rows: [Key: Int]
    /// By site and layer, with one row for each key.
    private let tables: [Site: [ValueTable]]

    /// - Parameters:
    ///   - sites: z, MLP outputs or the residual stream before the first block.
    ///   - prompts: the prompts whose counterfactuals are averaged.
    ///   - settings: threads, and the ranks that divide the groups of prompts.
    /// - Throws: `IOIError` if a prompt has no counterfactual.
    init(
        _ parameters: GPT2Parameters,
        sites: Set<Site>,
        over prompts: [Prompt],
        group: Ablation.Group,
        settings: RunSettings
    ) throws {
        self.group = group
        let config = parameters.config
        headWidth = config.headWidth
        var beginnings: [PromptGroup: [Int]] = [:]
        var rows: [Key: Int] = [:]
        for prompt in prompts {
            let input = try prompt.counterfactual()
            let beginning = beginnings[PromptGroup(prompt)] ?? input
            beginnings[PromptGroup(prompt)] = Array(beginning.prefix(commonPrefix(beginning, input)))
            for position in prompt.tokens.indices {
                let key = Self.key(prompt, position, group)
                rows[key] = rows[key] ?? rows.count
            }
        }
        let tables = Dictionary(
            uniqueKeysWithValues: sites.map { site in
                (site, (0..<config.layers).map { _ in ValueTable(rows: rows.count, columns: config.width) })
            }
        )
        (self.beginnings, self.rows, self.tables) = (beginnings, rows, tables)
        let size = min(RunSettings.prompts, prompts.count)
        let forward = ForwardPass(
            parameters, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .last),
            keeping: sites, workers: settings.workers
        )
        // Running means: the j-th value moves the mean by 1/j of their difference.
        var counts = Array(repeating: [Float](repeating: 0, count: rows.count), count: 2)
        // Values are added up in the order of their prompts, so a mean is found by one rank.
        let division = group == .template && settings.ranks.areTogether ? GroupDivision(prompts, settings.ranks) : nil
        let prompts = division?.prompts(of: settings.ranks.rank) ?? prompts
        for start in stride(from: 0, to: prompts.count, by: size) {
            let range = start..<min(start + size, prompts.count)
            let packed = PackedBatch(try prompts[range].map { try $0.counterfactual() }, rows: .last)
            forward.run(packed)
            for isLast in [false, true] {
                /// The last layer computes z and MLP outputs at the last tokens only.
                func layers(_ site: Site) -> Range<Int> {
                    if site == .residPre { return 0..<(isLast ? 0 : 1) }
                    return isLast ? config.layers - 1..<config.layers : 0..<config.layers - 1
                }
                for (prompt, tokens) in zip(prompts[range], packed.prompts) {
                    for (position, token) in tokens.enumerated() where !isLast || token == tokens.upperBound - 1 {
                        let row = rows[Self.key(prompt, position, group)]!
                        counts[isLast ? 1 : 0][row] += 1
                        let share = 1 / counts[isLast ? 1 : 0][row]
                        for (site, tables) in tables {
                            for layer in layers(site) {
                                let place = forward.place(ofRow: packed.rowOfToken[token], in: site, layer: layer)!
                                let value = forward.kept(site, layer: layer)[place]
                                let mean = tables[layer].values[row]
                                for i in 0..<config.width { mean[i] += (value[i] - mean[i]) * share }
                            }
                        }
                    }
                }
            }
        }
        for (prompt, owner) in division?.owners ?? [] {
            for position in prompt.tokens.indices {
                let row = rows[Self.key(prompt, position, group)]!
                for site in sites.sorted(by: { $0.rawValue < $1.rawValue }) {
                    for table in tables[site]! {
                        let bytes = config.width * MemoryLayout<Float>.stride
                        settings.ranks.broadcast(table.values[row], count: bytes, from: owner)
                    }
                }
            }
        }
    }

    private static func key(_ prompt: Prompt, _ position: Int, _ group: Ablation.Group) -> Key {
        switch group {
        case .template: .position(PromptGroup(prompt), position)
        case .global:
            prompt.positions.name(of: position).map(Key.named) ?? .other
        }
    }

    /// The first position at which a run on `input` can differ from the prompt's means.
    func first(_ prompt: Prompt, input: [Int]) -> Int {
        group == .template ? commonPrefix(beginnings[PromptGroup(prompt)]!, input) : 0
    }

    /// The means of a site for some tokens of a batch.
    func values(_ site: Site, layer: Int, head: Int?, tokens: [Int], of batch: PromptBatch) -> Edit.Values {
        let table = tables[site]![layer]
        let rows = tokens.map { row(of: $0, of: batch) }
        return .table(table, rows: rows, column: (head ?? 0) * headWidth)
    }

    /// The row of a token of a batch, the same in every table.
    func row(of token: Int, of batch: PromptBatch) -> Int {
        let prompt = batch.packed.promptOfToken[token]
        let position = token - batch.packed.prompts[prompt].lowerBound
        return rows[Self.key(batch.prompts[batch.prompts.startIndex + prompt], position, group)]!
    }
}

extension SharedPasses {
    /// Means over the counterfactuals of prompts, computed unless they are known.
    ///
    /// - Throws: `IOIError` if a prompt has no counterfactual.
    func means(
        of model: GPT2Parameters,
        sites: Set<Site>,
        over prompts: [Prompt],
        group: Ablation.Group,
        settings: RunSettings
    ) throws -> AblationMeans {
        let name = "means of \(sites.map(\.rawValue).sorted()) by \(group.rawValue)"
        if let known: AblationMeans = result(name, of: model, prompts) { return known }
        let means = try AblationMeans(model, sites: sites, over: prompts, group: group, settings: settings)
        keep(means, as: name, of: model, prompts)
        return means
    }
}
