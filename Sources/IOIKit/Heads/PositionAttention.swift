/// The attention of each head from END to the positions that prompts name.
struct PositionAttention: PromptColumns {
    private let config: GPT2Config
    private let names: [PositionName]
    /// [names][heads][prompts]
    private var attention: [[[Double]]]

    init(_ config: GPT2Config, _ names: [PositionName]) {
        (self.config, self.names) = (config, names)
        attention = names.map { _ in Array(repeating: [], count: config.layers * config.heads) }
    }

    var columns: [[Double]] {
        get { attention.flatMap { $0 } }
        set { attention = newValue.rows(of: config.layers * config.heads) }
    }

    /// - Parameter forward: kept the patterns.
    mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) {
        for layer in 0..<config.layers {
            let patterns = forward.patterns(layer: layer)
            for (prompt, end) in zip(batch.prompts, batch.ends) {
                let row = batch.packed.rowOfToken[end]
                for (index, name) in names.enumerated() {
                    for head in 0..<config.heads {
                        let value = patterns(row, head)[prompt.positions[name]!]
                        attention[index][layer * config.heads + head].append(Double(value))
                    }
                }
            }
        }
    }

    /// By the name of the position.
    func means(seed: UInt64, workers: Workers) -> [String: HeadMap] {
        Dictionary(
            uniqueKeysWithValues: zip(names, attention).map { name, heads in
                (name.text, HeadMap(means: heads, heads: config.heads, seed: seed, workers: workers))
            }
        )
    }
}
