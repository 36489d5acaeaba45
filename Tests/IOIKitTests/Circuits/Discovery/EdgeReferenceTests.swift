import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Edge scores and edge-patched runs against PyTorch's in float64 (Scripts/make-circuit-fixtures.py).
@Suite struct EdgeReferenceTests {
    struct Reference: Decodable {
        struct Pair: Decodable {
            let tokens, corrupt: [Int]
            let io, s: Int
        }
        struct Integrated: Decodable {
            let steps: Int
            let scores: [[Double]]
        }
        struct Patched: Decodable {
            let kept: [Int]
            let logitDifferences: [Double]
        }

        let prompts: [Pair]
        let edges: Int
        let eap: [[Double]]
        let eapIg: Integrated
        let patched: [Patched]
    }

    static let names = ["inner", "wide"]

    static func load(_ name: String) throws -> (parameters: GPT2Parameters, prompts: [Prompt], reference: Reference) {
        let fixtures = Fixtures.folder
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let reference = try decoder.decode(
            Reference.self, from: Data(contentsOf: fixtures.appendingPathComponent("circuits/\(name)/edges.json"))
        )
        let model = ReferenceModel(folder: fixtures.appendingPathComponent("gpt2/\(name)"))
        let prompts = reference.prompts.enumerated().map { id, pair in
            Prompt(
                id: id, dataset: "pairs", template: "\(id)", group: "", text: "", tokens: pair.tokens,
                counterfactualTokens: pair.corrupt, rightTokens: [pair.io], wrongTokens: [pair.s], answer: "",
                answerToken: pair.io
            )
        }
        return (try model.parameters(workers: Workers(count: 2)), prompts, reference)
    }

    /// Scores agree to 1e-4 of the greatest of the prompt.
    private func check(_ scores: EdgeScores, _ expected: [[Double]]) {
        #expect(scores.perPrompt.count == expected.count)
        for (found, expected) in zip(scores.perPrompt, expected) {
            #expect(relativeError(found, expected.map(Float.init)) < 1e-4)
        }
    }

    @Test(arguments: names, CircuitParityTests.settings)
    func attributionIsAutograds(_ name: String, settings: RunSettings) throws {
        let (parameters, prompts, reference) = try Self.load(name)
        #expect(Graph(parameters.config).edgeCount == reference.edges)
        check(try EdgeAttribution().scores(parameters, prompts, settings: settings), reference.eap)
        let integrated = EdgeAttribution(steps: reference.eapIg.steps)
        check(try integrated.scores(parameters, prompts, settings: settings), reference.eapIg.scores)
    }

    @Test(arguments: names, CircuitParityTests.settings)
    func droppedEdgesGiveTheReferencesDifferences(_ name: String, settings: RunSettings) throws {
        let (parameters, prompts, reference) = try Self.load(name)
        let graph = Graph(parameters.config)
        let isolation = EdgeComplementAblation(reference.patched.map { EdgeCircuit(EdgeSet(graph, indices: $0.kept)) })
        let measures = try isolation.measure(parameters, prompts, settings: settings)
        for (found, expected) in zip(measures.patched, reference.patched) {
            for (found, expected) in zip(found, expected.logitDifferences) { #expect(abs(found - expected) < 1e-4) }
        }
        #expect(reference.patched.contains { $0.kept.count == graph.edgeCount })
        #expect(reference.patched.contains { $0.kept.isEmpty })
    }
}
