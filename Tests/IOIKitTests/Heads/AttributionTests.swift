import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Direct logit attribution and the scatter of attention against what is written, against their definitions in Double.
@Suite struct AttributionTests {
    static let prompts = PatchingFixture.prompts
    static let workers = Workers(count: 2)

    /// In batches of the runs' own size, and read in two orders.
    static func read(_ parameters: GPT2Parameters) throws -> (NameProjections, TaskAttention.Measures) {
        var (projections, attention) = (NameProjections(parameters), TaskAttention.Measures(parameters.config))
        try PromptPass.run(
            parameters, prompts, keeping: NameProjections.sites.union(TaskAttention.Measures.sites),
            settings: RunSettings(workers: workers)
        ) { batch, forward in
            try projections.add(batch, forward)
            attention.add(batch, forward)
        }
        return (projections, attention)
    }

    @Test(arguments: PatchingFixture.all) func everyAttributionIsTheDefinitions(_ fixture: PatchingFixture) throws {
        let naive = NaiveAnalysis(fixture.parameters)
        let (projections, _) = try Self.read(fixture.parameters)
        let columns = projections.components.indices.map(projections.attribution) + [projections.biases]
        for (index, prompt) in Self.prompts.enumerated() {
            let expected = naive.attributions(prompt)
            let found = columns.map { $0[index] }
            #expect(found.count == expected.count)
            #expect(largestDifference(found, expected) < 2e-5 * expected.map(abs).max()!)
        }
        // Every kind of component counts, so that one that was left out would show.
        let heads = fixture.config.allHeads.count
        let layers = fixture.config.layers
        for part in [heads..<heads + layers, heads + layers..<heads + 2 * layers] {
            #expect(columns[part].joined().map(abs).max()! > 0.01)
        }
        for column in columns.suffix(3) { #expect(column.map(abs).max()! > 0.01) }
    }

    @Test(arguments: PatchingFixture.all) func theSumIsTheLogitDifference(_ fixture: PatchingFixture) throws {
        let naive = NaiveAnalysis(fixture.parameters)
        let (projections, _) = try Self.read(fixture.parameters)
        let columns = projections.components.indices.map(projections.attribution) + [projections.biases]
        for (index, prompt) in Self.prompts.enumerated() {
            let whole = naive.model.run(prompt.tokens).logitDifference(of: prompt)
            let parts = columns.map { $0[index] }
            let rounding = 3e-6 * parts.reduce(0) { $0 + abs($1) }
            #expect(abs(parts.reduce(0, +) - whole) < rounding)
            #expect(abs(projections.differences[index] - whole) < rounding)
        }
        let results = DirectLogitAttribution(
            projections, config: fixture.config, seed: 0, workers: Self.workers, perPrompt: true
        )
        #expect(abs(results.total.value! - projections.differences.mean) < 1e-5)
        let each = try #require(results.perPrompt)
        let sum = [
            results.allHeads, results.allMLPs, results.allAttentionBiases, results.tokenEmbedding,
            results.positionEmbedding, results.finalBias,
        ].reduce(0) { $0 + $1.value! }
        #expect(abs(sum - results.total.value!) < 1e-9)
        for head in fixture.config.allHeads {
            let mean = each.heads[head.layer][head.index].mean
            #expect(abs(results.heads[head].value! - mean) < 1e-12)
            let share = 100 * mean / projections.differences.mean
            #expect(abs(results.share[head].value! - share) < 1e-9 * abs(share))
            let interval = results.heads[head].ci95!
            #expect(interval[0] < mean && mean < interval[1])
        }
    }

    @Test(arguments: PatchingFixture.all) func everyPointOfTheScatterIsTheDefinitions(_ fixture: PatchingFixture) throws
    {
        let naive = NaiveAnalysis(fixture.parameters)
        let (projections, attention) = try Self.read(fixture.parameters)
        let scatter = AttributionScatter(
            attention, projections, seed: 0, workers: Self.workers, perPrompt: true
        )
        let points = try #require(scatter.perPrompt)
        for head in fixture.config.allHeads {
            let (layer, index) = (head.layer, head.index)
            let io = Self.prompts.map {
                naive.point($0, head, token: $0.ioToken, positions: [$0.positions.io])
            }
            let s = Self.prompts.map {
                naive.point($0, head, token: $0.sToken, positions: [$0.positions.s1, $0.positions.s2])
            }
            let size = (io + s).map { abs($0.projection) }.max()!
            #expect(largestDifference(points.attentionToIO[layer][index], io.map(\.attention)) < 1e-5)
            #expect(largestDifference(points.attentionToS[layer][index], s.map(\.attention)) < 1e-5)
            #expect(largestDifference(points.projectionOnIO[layer][index], io.map(\.projection)) < 2e-5 * size)
            #expect(largestDifference(points.projectionOnS[layer][index], s.map(\.projection)) < 2e-5 * size)
            func expectCorrelation(_ map: HeadMap, _ points: [(attention: Double, projection: Double)]) {
                let rho = pearson(points.map(\.attention), points.map(\.projection))
                #expect(abs(map[head].value! - rho) < 1e-3)
            }
            expectCorrelation(scatter.correlationIO, io)
            expectCorrelation(scatter.correlationS, s)
            expectCorrelation(scatter.correlation, io + s)
            #expect(abs(scatter.attentionToIO[head].value! - io.map(\.attention).mean) < 1e-5)
            #expect(abs(scatter.projectionOnS[head].value! - s.map(\.projection).mean) < 2e-5 * size)
        }
    }

    /// From every named place to every other.
    @Test(arguments: PatchingFixture.all) func attentionIsTheNaiveModels(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let (_, attention) = try Self.read(fixture.parameters)
        let places: [(TaskAttention.Relation, (Positions) -> (Int, Int))] = [
            (.endToIO, { ($0.end, $0.io) }), (.endToS1, { ($0.end, $0.s1) }), (.endToS2, { ($0.end, $0.s2) }),
            (.duplicate, { ($0.s2, $0.s1) }), (.induction, { ($0.s2, $0.s1Next) }),
            (.previous, { ($0.s1Next, $0.s1) }),
        ]
        #expect(places.count == TaskAttention.Relation.allCases.count)
        let records = Self.prompts.map { model.record($0.tokens).kept }
        for (relation, place) in places {
            let found = attention[relation]
            for (column, head) in fixture.config.allHeads.enumerated() {
                let expected = zip(Self.prompts, records).map { prompt, kept in
                    let (query, key) = place(prompt.positions)
                    return kept[.head(head, .pattern, position: query)]![key]
                }
                #expect(largestDifference(found[column], expected) < 1e-5)
            }
            let uniform = Self.prompts.map { 1 / Double(place($0.positions).0 + 1) }.mean
            #expect(abs(attention.uniform(relation) - uniform) < 1e-12)
        }
    }

    @Test func logitsThatAreNotFiniteAreAnError() throws {
        let config = try GPT2Config(vocabularySize: 61, contextLength: 16, width: 4, layers: 1, heads: 2)
        let parameters = GPT2Parameters(zeros: config)
        parameters.finalGamma[0][1] = .infinity
        expectError(containing: "prompt 0: the model's logits are not finite numbers") {
            try Self.read(parameters)
        }
    }
}
