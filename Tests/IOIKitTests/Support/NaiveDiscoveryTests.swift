import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the scores and the search which the tests of discovery compare with are what they are named.
@Suite struct NaiveDiscoveryTests {
    static let prompts = PatchingFixture.prompts

    // MARK: - EAP and EAP-IG

    /// Into logits the derivative has a form of its own: that of the final LayerNorm at END.
    @Test(arguments: PatchingFixture.all)
    func scoresOfLogitsAreTheDerivativesOfTheReadOut(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let graph = NaiveGraph(model)
        let prompt = Self.prompts[5]
        let end = prompt.positions.end
        let (clean, corrupt) = (graph.run(prompt.tokens), graph.run(prompt.abcTokens!))

        let (width, stream) = (fixture.config.width, clean.end.final[end])
        func mean(_ row: [Double]) -> Double { row.reduce(0, +) / Double(width) }
        let centred = stream.map { $0 - mean(stream) }
        let scale = 1 / (dot(centred, centred) / Double(width) + Double(fixture.config.layerNormEpsilon)).squareRoot()
        let unembedding = model.tensors["wte.weight"]!
        let weights = (0..<width).map { column in
            model.tensors["ln_f.weight"]![0][column]
                * (unembedding[prompt.ioToken][column] - unembedding[prompt.sToken][column])
        }
        let scores = graph.scores(prompt)
        #expect(Set(scores.keys) == Set(graph.edges))
        for edge in graph.edges where edge.receiver == .logits {
            let change = zip(corrupt.outputs[edge.sender]![end], clean.outputs[edge.sender]![end]).map { $0 - $1 }
            let along = scale * scale * dot(weights, centred) * dot(centred, change) / Double(width)
            let growth = scale * (dot(weights, change.map { $0 - mean(change) }) - along)
            #expect(abs(scores[edge]! + growth) < 1e-7, "\(edge)")
        }
        #expect(graph.edges.contains { $0.receiver == .logits && abs(scores[$0]!) > 0.01 })
    }

    /// A score is what the edge does when it is cut, where what flows instead is nearly the clean output.
    @Test(arguments: [PatchingFixture.all[0], PatchingFixture.all[3]])
    func scoresAreTheEffectsOfEdgesInTheLinearLimit(_ fixture: PatchingFixture) {
        let graph = NaiveGraph(NaiveModel(fixture.parameters))
        let prompt = Self.prompts[6]
        let clean = graph.run(prompt.tokens)
        let corrupt = graph.run(prompt.abcTokens!).outputs
        let share = 1e-5
        let nearly = clean.outputs.merging(corrupt) { clean, corrupt in
            zip(clean, corrupt).map { zip($0, $1).map { $0 + share * ($1 - $0) } }
        }
        let scores = graph.scores(prompt)
        for edge in graph.edges {
            let run = graph.run(prompt.tokens, ablated: nearly, keeping: Set(graph.edges).subtracting([edge]))
            let fall = clean.end.logitDifference(of: prompt) - run.end.logitDifference(of: prompt)
            #expect(abs(fall / share - scores[edge]!) < 1e-3 * max(1, abs(scores[edge]!)), "\(edge)")
        }
        #expect(graph.edges.filter { abs(scores[$0]!) > 0.01 }.count > graph.edges.count / 2)
        // The corrupt outputs may be others than those on the partner; a score is linear in them.
        let zeroed = clean.outputs.mapValues { $0.map { $0.map { _ in 0.0 } } }
        let twice = clean.outputs.merging(corrupt) { zip($0, $1).map { zip($0, $1).map { 2 * $1 - $0 } } }
        let some = graph.edges.filter { $0.receiver == .mlp(1) }
        let fromZero = graph.scores(prompt, of: some, corrupt: zeroed)
        let fromTwice = graph.scores(prompt, of: some, corrupt: twice)
        #expect(Set(fromTwice.keys) == Set(some))
        for edge in some { #expect(abs(fromTwice[edge]! - 2 * scores[edge]!) < 1e-6) }
        #expect(some.contains { abs(fromZero[$0]! - scores[$0]!) > 0.01 })
    }

    /// Integrated gradients are complete: those of the input's edges are the fall of the logit difference together.
    @Test(arguments: [PatchingFixture.all[0], PatchingFixture.all[3]])
    func integratedScoresOfTheInputAddUp(_ fixture: PatchingFixture) {
        let graph = NaiveGraph(NaiveModel(fixture.parameters))
        let prompt = Self.prompts[5]
        let clean = graph.run(prompt.tokens).end.logitDifference(of: prompt)
        let fall = clean - graph.run(prompt.abcTokens!).end.logitDifference(of: prompt)
        func total(steps: Int) -> Double {
            graph.scores(prompt, of: graph.edges.filter { $0.sender == .input }, steps: steps).values.reduce(0, +)
        }
        let (one, few, many) = (total(steps: 1), total(steps: 20), total(steps: 40))
        // A mean over right ends is off by c/steps and less, which cancels in 2 * many - few.
        #expect(abs(2 * many - few - fall) < 0.02 * abs(fall))
        #expect(abs(many - fall) < abs(few - fall) && abs(few - fall) < abs(one - fall))
        #expect(abs(one - fall) > 0.1 * abs(fall))
    }

    // MARK: - ACDC

    @Test func divergenceIsThatOfTheDistributions() {
        #expect(abs(naiveDivergence([log(3), 0], [0, 0]) - (0.75 * log(1.5) + 0.25 * log(0.5))) < 1e-12)
        #expect(abs(naiveDivergence([0, 0], [log(3) + 5, 5]) - 0.5 * log(4.0 / 3)) < 1e-12)
        let graph = NaiveGraph(NaiveModel(PatchingFixture.all[0].parameters))
        let corrupt = Self.prompts.map { graph.run($0.abcTokens!).outputs }
        #expect(graph.mean(.divergence, Self.prompts, keeping: Set(graph.edges), corrupt: corrupt) == 0)
        let expected = Self.prompts.map { prompt in
            naiveDivergence(graph.model.run(prompt.tokens).logits, graph.model.run(prompt.abcTokens!).logits)
        }
        let none = graph.mean(.divergence, Self.prompts, keeping: [], corrupt: corrupt)
        #expect(abs(none - expected.reduce(0, +) / 8) < 1e-10)
    }

    @Test func theLimitsKeepEverythingAndNothing() {
        let graph = NaiveGraph(NaiveModel(PatchingFixture.all[0].parameters))
        let prompts = [Self.prompts[1], Self.prompts[6]]
        let all = graph.acdc(prompts, threshold: -.infinity)
        #expect(all.kept == Set(graph.edges))
        let names = all.tests.map(\.edge.description)
        #expect(Set(names) == Set(graph.edges.map(\.description)) && names.count == graph.edges.count)
        let order =
            "m1→logits 1.1→logits 1.0→logits m0→logits 0.1→logits 0.0→logits input→logits "
            + "1.1→m1 1.0→m1 m0→m1 0.1→m1 0.0→m1 input→m1 m0→1.1.v 0.1→1.1.v 0.0→1.1.v input→1.1.v m0→1.1.k"
        #expect(names.prefix(18).joined(separator: " ") == order)
        #expect(names.suffix(9).joined(separator: " ").hasPrefix("0.1→m0 0.0→m0 input→m0 input→0.1.v input→0.1.k "))

        let none = graph.acdc(prompts, threshold: .infinity)
        #expect(none.kept.isEmpty)
        #expect(none.tests.map(\.edge.description) == Array(names.prefix(7)))
        #expect(graph.acdc(prompts, threshold: 0).tests.contains { $0.change > 0.001 })
    }

    @Test(arguments: [PatchingFixture.all[0], PatchingFixture.all[1]])
    func droppedEdgesMakeTheDivergence(_ fixture: PatchingFixture) {
        let parameters = GPT2Parameters(copying: fixture.parameters, workers: Workers(count: 1))
        parameters.silence(Head(1, 1))
        let graph = NaiveGraph(NaiveModel(parameters))
        let prompts = [Self.prompts[1], Self.prompts[6]]
        let corrupt = prompts.map { graph.run($0.abcTokens!).outputs }
        var counts: [Int] = []
        for threshold in [0, 1e-9, 1e-4, 0.002] {
            let (kept, tests) = graph.acdc(prompts, threshold: threshold)
            let dropped = tests.filter { !kept.contains($0.edge) }
            #expect(dropped.allSatisfy { $0.change < threshold })
            #expect(tests.filter { kept.contains($0.edge) }.allSatisfy { $0.change >= threshold })
            let divergence = graph.mean(.divergence, prompts, keeping: kept, corrupt: corrupt)
            #expect(abs(divergence - dropped.map(\.change).reduce(0, +)) < 1e-10)
            // The head that writes nothing goes, and what it reads goes untested.
            let silent = graph.edges.filter { $0.sender == .head(Head(1, 1)) }
            #expect(tests.filter { silent.contains($0.edge) }.allSatisfy { $0.change == 0 })
            if threshold > 0 {
                #expect(kept.isDisjoint(with: silent))
                let read = graph.edges.filter { $0.receiver.description.hasPrefix("1.1.") }
                #expect(!read.isEmpty && kept.isDisjoint(with: read))
                #expect(!tests.contains { read.contains($0.edge) })
            } else {
                #expect(kept.isSuperset(of: silent))
            }
            counts.append(kept.count)
        }
        #expect(Set(counts).count == 4 && counts == counts.sorted(by: >))
        #expect(counts.last! > 0)
    }
}
