import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// Circuits of heads, or of heads and MLPs, as they are defined, a whole run of a `NaiveModel` for each prompt and set.
struct NaiveCircuits: Sendable {
    /// Nodes, and where each is kept or knocked out.
    typealias Places = [Node: [PositionSelection]]

    let model: NaiveModel
    let prompts: [Prompt]
    let ablation: NaiveKnockout
    /// Whether circuits are of heads and MLPs, and lose the MLPs that they do not keep.
    var haveMLPs = false
    var metric = Metric.logitDifference

    private var config: GPT2Config { model.config }

    /// The metric where the output is knocked out of every node and position that is not kept: F(C).
    func isolated(_ kept: Places) -> [Double] {
        values { node, prompt in
            guard haveMLPs || node.mlp == nil else { return [] }
            return Set(prompt.tokens.indices).subtracting(Self.positions(kept[node] ?? [], in: prompt))
        }
    }

    /// The metric of the model where the output is knocked out of the given nodes and positions only: F(M∖K), or F(M) for
    /// none.
    func whole(without removed: Places) -> [Double] {
        values { node, prompt in Self.positions(removed[node] ?? [], in: prompt) }
    }

    func faithfulness(of circuit: Places) -> NaiveFaithfulness {
        NaiveFaithfulness(model: whole(without: [:]), circuit: isolated(circuit))
    }

    /// Per prompt, the kept pairs of a node and a position over all pairs.
    func sparsity(of circuit: Places) -> [Double] {
        prompts.map { prompt in
            let kept = circuit.values.map { Self.positions($0, in: prompt).count }.reduce(0, +)
            return Double(kept) / Double(config.layers * (config.heads + (haveMLPs ? 1 : 0)) * prompt.tokens.count)
        }
    }

    /// |F(C∖(K∪{v})) − F(C∖K)| / F(M) of means.
    func minimality(of node: Node, in circuit: Places, without others: [Node]) -> Double {
        let without = isolated(circuit.filter { !others.contains($0.key) })
        let withoutBoth = isolated(circuit.filter { !others.contains($0.key) && $0.key != node })
        return abs(mean(withoutBoth) - mean(without)) / mean(whole(without: [:]))
    }

    /// F(C∖K), F(M∖K) and |F(C∖K) − F(M∖K)| of means. The whole model loses K's nodes only where
    /// the circuit has them.
    func completeness(of circuit: Places, without nodes: [Node]) -> (circuit: Double, model: Double, score: Double) {
        let isolated = mean(isolated(circuit.filter { !nodes.contains($0.key) }))
        let rest = mean(whole(without: circuit.filter { nodes.contains($0.key) }))
        return (isolated, rest, abs(isolated - rest))
    }

    private func values(knockingOut positions: (_ node: Node, _ prompt: Prompt) -> Set<Int>) -> [Double] {
        prompts.enumerated().map { index, prompt in
            naiveKnockout(
                model, prompts: prompts, index: index,
                heads: config.allHeads.map { ($0, positions: Array(positions(.head($0), prompt))) },
                mlps: (0..<config.layers).map { ($0, positions: Array(positions(.mlp($0), prompt))) }, kind: ablation,
                metric: metric
            )
        }
    }

    private static func positions(_ selections: [PositionSelection], in prompt: Prompt) -> Set<Int> {
        selections.reduce(into: []) { positions, selection in
            switch selection {
            case .one(let position): positions.insert(prompt.positions[position]!)
            case .all: positions.formUnion(prompt.tokens.indices)
            }
        }
    }
}

/// Logit differences, one for each prompt, of a model and of a circuit alone in it.
struct NaiveFaithfulness: Sendable {
    let model: [Double]
    let circuit: [Double]

    /// |F(M) − F(C)| of the means.
    var difference: Double { abs(mean(model) - mean(circuit)) }
    /// F(C)/F(M) of the means.
    var ratio: Double { mean(circuit) / mean(model) }
    /// The mean of the prompts' own F(C)/F(M).
    var meanOfRatios: Double { mean(zip(circuit, model).map { $0 / $1 }) }
}

private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
