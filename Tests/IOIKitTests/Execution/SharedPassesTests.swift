import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Means and unpatched runs that several measurements need are computed once, and are the same.
@Suite struct SharedPassesTests {
    static let prompts = PatchingFixture.prompts

    @Test func measurementsOfOneExperimentShareThem() throws {
        let fixture = PatchingFixture.all[1]
        let circuit = try CircuitSubsetsTests.circuit(fixture.config)
        let sets: [Set<Node>] = [[], [.head(Head(0, 1))], Set(circuit.nodes)]
        func run(_ subsets: [CircuitSubsets]) throws -> [[Double]] {
            for subsets in subsets {
                try subsets.runModel(without: sets, stage: "test")
                try subsets.runCircuit(without: sets, stage: "test")
            }
            return [subsets[0].original]
                + subsets.flatMap { subsets in
                    sets.flatMap { [subsets.circuit(without: $0), subsets.model(without: $0)] }
                }
        }
        func subsets(_ prompts: [Prompt], _ settings: RunSettings) -> CircuitSubsets {
            CircuitSubsets(
                of: circuit.positions(everywhere: false), in: fixture.parameters, prompts, reference: Self.prompts,
                ablation: Ablation(), settings: settings
            )
        }
        let sample = Array(Self.prompts.prefix(3))
        let passes = SharedPasses()
        var settings = RunSettings(workers: Workers(count: 2))
        settings.shared = passes
        let shared = try run([subsets(Self.prompts, settings), subsets(sample, settings)])
        // One set of means, and the logit differences of all prompts and of the sample.
        #expect(passes.count == 3)
        let alone = try run([Self.prompts, sample].map { subsets($0, RunSettings(workers: Workers(count: 2))) })
        #expect(shared == alone)
    }

    @Test func theyBelongToOneModelAndItsPrompts() throws {
        let (fixture, workers) = (PatchingFixture.all[1], Workers(count: 1))
        let passes = SharedPasses()
        func means(_ model: GPT2Parameters, _ sites: Set<Site>, _ prompts: [Prompt]) throws -> AblationMeans {
            try passes.means(
                of: model, sites: sites, over: prompts, group: .template, settings: RunSettings(workers: workers))
        }
        let first = try means(fixture.parameters, [.z], Self.prompts)
        #expect(try means(fixture.parameters, [.z], Self.prompts) === first)
        #expect(try means(fixture.donor, [.z], Self.prompts) !== first)
        #expect(try means(fixture.parameters, [.z, .mlpOut], Self.prompts) !== first)
        #expect(try means(fixture.parameters, [.z], Array(Self.prompts.dropLast())) !== first)
        let values = Self.prompts.indices.map(Double.init)
        passes.keep(Array(values.dropLast()), unpatched: .logitDifference, of: fixture.parameters, Self.prompts)
        #expect(passes.unpatched(.logitDifference, of: fixture.parameters, Self.prompts) == nil)
        passes.keep(values, unpatched: .logitDifference, of: fixture.parameters, Self.prompts)
        #expect(passes.unpatched(.logitDifference, of: fixture.parameters, Self.prompts) == values)
        #expect(passes.unpatched(.logProbability, of: fixture.parameters, Self.prompts) == nil)
        #expect(passes.unpatched(.logitDifference, of: fixture.donor, Self.prompts) == nil)
        #expect(passes.unpatched(.logitDifference, of: fixture.parameters, Array(Self.prompts.dropLast())) == nil)
    }
}
