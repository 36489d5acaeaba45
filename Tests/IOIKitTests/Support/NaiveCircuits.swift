import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// Circuits of heads as they are defined, a whole run of a `NaiveModel` for each prompt and set.
struct NaiveCircuits: Sendable {
    /// Heads, and where each is kept or knocked out.
    typealias Places = [Head: [PositionSelection]]

    let model: NaiveModel
    let prompts: [Prompt]
    let ablation: NaiveKnockout

    /// The logit differences where z is knocked out of every head and position that is not kept: F(C).
    func isolated(_ kept: Places) -> [Double] {
        differences { head, prompt in
            Set(prompt.tokens.indices).subtracting(Self.positions(kept[head] ?? [], in: prompt))
        }
    }

    /// The logit differences of the model where z is knocked out of the given heads and positions only: F(M∖K), or F(M)
    /// for none.
    func whole(without removed: Places) -> [Double] {
        differences { head, prompt in Self.positions(removed[head] ?? [], in: prompt) }
    }

    func faithfulness(of circuit: Places) -> NaiveFaithfulness {
        NaiveFaithfulness(model: whole(without: [:]), circuit: isolated(circuit))
    }

    /// Per prompt, the kept pairs of a head and a position over all pairs.
    func sparsity(of circuit: Places) -> [Double] {
        prompts.map { prompt in
            let kept = circuit.values.map { Self.positions($0, in: prompt).count }.reduce(0, +)
            return Double(kept) / Double(model.config.layers * model.config.heads * prompt.tokens.count)
        }
    }

    /// |F(C∖(K∪{v})) − F(C∖K)| / F(M) of mean logit differences.
    func minimality(of head: Head, in circuit: Places, without others: [Head]) -> Double {
        let without = isolated(circuit.filter { !others.contains($0.key) })
        let withoutBoth = isolated(circuit.filter { !others.contains($0.key) && $0.key != head })
        return abs(mean(withoutBoth) - mean(without)) / mean(whole(without: [:]))
    }

    /// F(C∖K), F(M∖K) and |F(C∖K) − F(M∖K)| of mean logit differences. The whole model loses K's heads only where
    /// the circuit has them.
    func completeness(of circuit: Places, without heads: [Head]) -> (circuit: Double, model: Double, score: Double) {
        let isolated = mean(isolated(circuit.filter { !heads.contains($0.key) }))
        let rest = mean(whole(without: circuit.filter { heads.contains($0.key) }))
        return (isolated, rest, abs(isolated - rest))
    }

    private func differences(knockingOut positions: (_ head: Head, _ prompt: Prompt) -> Set<Int>) -> [Double] {
        prompts.enumerated().map { index, prompt in
            naiveKnockout(
                model, prompts: prompts, index: index,
                heads: model.config.allHeads.map { ($0, positions: Array(positions($0, prompt))) }, kind: ablation
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
