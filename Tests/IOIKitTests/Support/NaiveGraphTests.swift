import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the graph which the tests compare with is GPT-2's, and that its edges carry what their names say.
///
/// Bounds of 1e-10 are rounding of Double.
@Suite struct NaiveGraphTests {
    static let prompts = PatchingFixture.prompts

    // MARK: - Nodes and edges

    @Test func theGraphOfGPT2SmallHasItsEdges() {
        let edges = GPT2Config.small.naiveEdges
        #expect(edges.count == 32_491)
        #expect(Set(edges.map(\.description)).count == 32_491)
    }

    @Test func nodesSendToWhatReadsAfterThem() {
        let config = PatchingFixture.all[0].config
        func senders(_ receiver: String) -> String {
            config.naiveEdges.filter { $0.receiver.description == receiver }.map(\.sender.description)
                .joined(separator: " ")
        }
        #expect(
            config.naiveReceivers.map(\.description).joined(separator: " ")
                == "0.0.q 0.0.k 0.0.v 0.1.q 0.1.k 0.1.v m0 1.0.q 1.0.k 1.0.v 1.1.q 1.1.k 1.1.v m1 logits"
        )
        for input in ["q", "k", "v"] {
            #expect(senders("0.1.\(input)") == "input")
            #expect(senders("1.0.\(input)") == "input 0.0 0.1 m0")
        }
        #expect(senders("m0") == "input 0.0 0.1")
        #expect(senders("m1") == "input 0.0 0.1 m0 1.0 1.1")
        #expect(senders("logits") == "input 0.0 0.1 m0 1.0 1.1 m1")
    }

    // MARK: - Runs

    @Test(arguments: PatchingFixture.all)
    func allEdgesAreTheCleanRunAndNoneTheCorruptRun(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let graph = NaiveGraph(model)
        for (index, prompt) in Self.prompts.enumerated() {
            let (clean, corrupt) = (model.record(prompt.tokens), model.record(prompt.abcTokens!))
            let whole = graph.run(prompt.tokens)
            #expect(zip(whole.end.logits, clean.run.logits).allSatisfy { abs($0 - $1) < 1e-10 })
            for (node, rows) in whole.outputs {
                for (position, row) in rows.enumerated() {
                    let expected = clean.kept[node.output(at: position)]!
                    #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-10 }, "\(node) at \(position)")
                }
            }
            let ablated = graph.ablated(Self.prompts, index, .counterfactual)
            #expect(Set(ablated.keys) == Set(whole.outputs.keys))
            for none in [
                graph.run(prompt.tokens, ablated: ablated, keeping: []),
                graph.run(prompt.tokens, ablated: ablated, at: [:]),
                graph.run(prompt.tokens, embedding: ablated[.input]!),
            ] {
                #expect(zip(none.end.logits, corrupt.run.logits).allSatisfy { abs($0 - $1) < 1e-10 })
            }
            let all = graph.run(prompt.tokens, ablated: ablated, keeping: Set(graph.edges))
            #expect(all.end.logits == whole.end.logits)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func withoutAllEdgesOfANodeItsOutputIsPatched(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let graph = NaiveGraph(model)
        for (index, prompt) in Self.prompts.enumerated() {
            let ablated = graph.ablated(Self.prompts, index, .counterfactual)
            let original = model.run(prompt.tokens).logitDifference(of: prompt)
            for sender in fixture.config.naiveSenders {
                let kept = Set(graph.edges.filter { $0.sender != sender })
                let run = graph.run(prompt.tokens, ablated: ablated, keeping: kept)
                let expected = naiveActivation(
                    model, prompt: prompt, input: prompt.tokens, donorInput: prompt.abcTokens!, donor: model,
                    places: prompt.tokens.indices.map { sender.output(at: $0) }
                )
                let difference = run.end.logitDifference(of: prompt)
                #expect(abs(difference - expected) < 1e-10, "\(sender)")
                #expect(abs(difference - original) > 1e-6, "\(sender)")
            }
        }
    }

    /// Where MLPs and all heads' inputs are held, a path is an edge.
    @Test(arguments: PatchingFixture.all)
    func withoutAnEdgeItsPathIsPatched(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let graph = NaiveGraph(model)
        let prompt = Self.prompts[6]
        let ablated = graph.ablated(Self.prompts, 6, .counterfactual)
        var compared = 0
        for edge in graph.edges {
            let sender: NaiveSender
            switch edge.sender {
            case .head(let head): sender = .head(head)
            case .mlp(let layer): sender = .mlp(layer)
            default: continue
            }
            let receivers: [NaiveReceiver]
            switch edge.receiver {
            case .headInput(let head, let site):
                receivers = prompt.tokens.indices.map { .head(kind: site, head, position: $0) }
            case .logits: receivers = [.logits]
            default: continue
            }
            let kept = Set(graph.edges).subtracting([edge])
            let run = graph.run(prompt.tokens, ablated: ablated, keeping: kept)
            let path = naivePath(model, prompt, senders: [sender], receivers: receivers, freezeMLP: true)
            let difference = run.end.logitDifference(of: prompt)
            #expect(abs(difference - path.patched) < 1e-10, "\(edge)")
            #expect(abs(difference - path.original) > 1e-9, "\(edge)")
            compared += 1
        }
        let (layers, heads) = (fixture.config.layers, fixture.config.heads)
        let nodes = layers * (heads + 1)
        #expect(compared == (heads + 1) * 3 * heads * layers * (layers - 1) / 2 + nodes)
    }

    @Test(arguments: PatchingFixture.all)
    func placesThatAreNotKeptAreAblatedForAllReceivers(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let graph = NaiveGraph(model)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        let circuit = NaiveCircuitsTests.circuit
        for kind in [NaiveKnockout.zero, .counterfactual, .mean(means)] {
            let expected = NaiveCircuits(model: model, prompts: Self.prompts, ablation: kind).isolated(circuit)
            for (index, prompt) in Self.prompts.enumerated() {
                let all = Set(prompt.tokens.indices)
                var places: [NaiveNode: Set<Int>] = [
                    .input: all, .head(Head(0, 0)): [prompt.positions.io, prompt.positions.s1Next],
                    .head(Head(0, 1)): [prompt.positions.s2], .head(Head(1, 0)): all,
                ]
                for layer in 0..<fixture.config.layers { places[.mlp(layer)] = all }
                let ablated = graph.ablated(Self.prompts, index, kind)
                let run = graph.run(prompt.tokens, ablated: ablated, at: places)
                #expect(abs(run.end.logitDifference(of: prompt) - expected[index]) < 1e-10)

                // An edge beside: the ablated output flows where either is not kept.
                let edge = NaiveEdge(sender: .head(Head(1, 0)), receiver: .logits)
                let both = graph.run(
                    prompt.tokens, ablated: ablated, keeping: Set(graph.edges).subtracting([edge]), at: places
                )
                #expect(abs(both.end.logitDifference(of: prompt) - expected[index]) > 1e-9)
            }
        }
    }

    @Test func ablatedInputsAreTheirMeans() {
        let model = NaiveModel(PatchingFixture.all[1].parameters)
        let graph = NaiveGraph(model)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        let ablated = graph.ablated(Self.prompts, 4, .mean(means))
        let partners = [3, 4].map { graph.run(Self.prompts[$0].abcTokens!).outputs }
        for node in [NaiveNode.input, .head(Head(2, 1)), .mlp(1)] {
            for position in Self.prompts[4].tokens.indices {
                let mean = zip(partners[0][node]![position], partners[1][node]![position]).map { ($0 + $1) / 2 }
                #expect(zip(ablated[node]![position], mean).allSatisfy { abs($0 - $1) < 1e-10 }, "\(node)")
            }
        }
        let zeros = graph.ablated(Self.prompts, 4, .zero)
        #expect(zeros.values.allSatisfy { $0.allSatisfy { $0.allSatisfy { $0 == 0 } } })
    }
}
