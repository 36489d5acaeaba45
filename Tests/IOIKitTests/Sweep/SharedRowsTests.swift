import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Runs whose tokens have seen the same edits share rows, with the results of whole runs.
@Suite struct SharedRowsTests {
    static let prompts = PatchingFixture.prompts
    /// What rounding in float32 explains, of logit differences around 1.
    static let tolerance = 1e-4

    /// An edit of a run: the value of a counterfactual's run, or zero.
    struct Choice {
        let site: Site
        let layer: Int
        let head: Int?
        let position: PositionSelection
        let isZero: Bool
    }

    /// Runs that each make some of a few edits; the first half of the edits are in the first layers, so that many runs
    /// part late.
    static func variants(_ config: GPT2Config, seed: UInt64) -> [[Choice]] {
        var generator = SeededGenerator(seed, "choices")
        let positions: [PositionSelection] = [.one(.end), .one(.s2), .one(.s1Next), .all, .one(.io)]
        let pool = (0..<10).map { index in
            let site = Site.allCases[generator.below(Site.allCases.count)]
            return Choice(
                site: site, layer: index < 5 ? index % 2 : generator.below(config.layers),
                head: site.isPerHead ? generator.below(config.heads) : nil,
                position: positions[generator.below(positions.count)], isZero: generator.below(4) == 0
            )
        }
        return (0..<24).map { _ in pool.filter { _ in generator.below(2) == 0 } }
    }

    static func runner(_ parameters: GPT2Parameters, batchTokens: Int, stackedRows: Int) -> PatchRunner {
        PatchRunner(
            parameters, prompts: prompts, metric: .logitDifference,
            keeping: PatchedPass.sites(divergingAt: Set(Stage.allCases)),
            batchTokens: batchTokens, stackedRows: stackedRows, settings: RunSettings(workers: Workers(count: 2))
        )
    }

    /// Stacks of a few rows, of some prompts and of all of them.
    @Test(arguments: PatchingFixture.all, [(15, 40), (40, 200), (1000, 3000)])
    func runsAreThoseOfTheWholeModel(_ fixture: PatchingFixture, _ size: (batchTokens: Int, stackedRows: Int)) throws {
        let model = NaiveModel(fixture.parameters)
        let records = Self.prompts.map { model.record($0.abcTokens!) }
        let runner = Self.runner(fixture.parameters, batchTokens: size.batchTokens, stackedRows: size.stackedRows)
        let donor = ForwardPass(
            fixture.parameters, capacity: runner.capacity, keeping: Set(Site.allCases), workers: Workers(count: 2)
        )
        for seed: UInt64 in 1...2 {
            let choices = Self.variants(fixture.config, seed: seed)
            var alone = 0
            let before = runner.pass.computedRows
            let measures = try runner.measure(cells: choices.count, resuming: nil, progress: { _ in }) { batch, _ in
                donor.run(PackedBatch(batch.prompts.map { $0.abcTokens! }, rows: .last))
                let variants = choices.map { choices in
                    PatchedRun(
                        choices.map {
                            Edit(
                                site: $0.site, layer: $0.layer, head: $0.head, tokens: batch.tokens([$0.position]),
                                values: $0.isZero ? .zero : .run(donor)
                            )
                        },
                        of: batch.packed
                    )
                }
                for variant in variants {
                    alone += runner.pass.rowCounts(of: [variant], on: runner.base).reduce(0) { $0 + $1.after }
                }
                var measures = PatchMeasures(cells: 0)
                measures.original = runner.takeOriginal()
                measures.patched = try runner.run(variants, of: batch)
                return measures
            }
            for (cell, choices) in choices.enumerated() {
                for (index, prompt) in Self.prompts.enumerated() {
                    var values: [NaivePlace: [Double]] = [:]
                    for choice in choices {
                        for position in choice.position.positions(in: prompt.positions, count: prompt.tokens.count) {
                            let place = NaivePlace(
                                choice.site, layer: choice.layer, head: choice.head, position: position
                            )
                            let value = records[index].kept[place]!
                            values[place] = choice.isZero ? value.map { _ in 0 } : value
                        }
                    }
                    let expected = model.record(prompt.tokens, replacing: values).run.logitDifference(of: prompt)
                    #expect(
                        abs(measures.patched[cell][index] - expected) < Self.tolerance,
                        "seed \(seed), run \(cell), prompt \(index)"
                    )
                }
            }
            let computed = runner.pass.computedRows - before
            #expect(computed < (size.stackedRows < 100 ? alone : alone * 4 / 5), "seed \(seed): rows are not shared")
        }
    }

    /// A prompt of seven tokens in a model of three layers, by hand.
    @Test func rowsForkWhereTokensSeeAnotherEdit() throws {
        let fixture = PatchingFixture.all[1]
        let prompt = Self.prompts[5]
        #expect(fixture.config.layers == 3 && prompt.tokens.count == 7)
        let runner = Self.runner(fixture.parameters, batchTokens: 7, stackedRows: 100)
        let donor = ForwardPass(
            fixture.parameters, capacity: runner.capacity, keeping: [.z, .mlpOut], workers: Workers(count: 1)
        )
        let batch = PackedBatch([prompt.tokens], rows: .last)
        runner.base.run(batch)
        donor.run(batch)
        func run(_ edits: [(Site, layer: Int, token: Int, values: Edit.Values)]) -> PatchedRun {
            PatchedRun(
                edits.map {
                    Edit(site: $0, layer: $1, head: $0 == .mlpOut ? nil : 0, tokens: [$2], values: $3)
                },
                of: batch
            )
        }
        func counts(_ runs: [PatchedRun]) -> [[Int]] {
            let before = runner.pass.computedRows
            let counts = runner.pass.rowCounts(of: runs, on: runner.base)
            _ = runner.pass.run(runs, on: runner.base)
            #expect(runner.pass.computedRows - before == counts.reduce(0) { $0 + $1.after })
            return counts.map { [$0.before, $0.after] }
        }
        let a = run([(.z, 1, 2, .run(donor))])
        #expect(counts([a]) == [[0, 0], [0, 1], [5, 1]])
        // The same edit, and at END another in the last layer.
        #expect(counts([a, run([(.z, 1, 2, .run(donor)), (.mlpOut, 2, 6, .zero)])]) == [[0, 0], [0, 1], [5, 2]])
        // Token 4 is edited too: it forks at once, and with it the tokens behind it where they see it.
        #expect(
            counts([a, run([(.z, 1, 2, .run(donor)), (.z, 1, 4, .zero)])]) == [[0, 0], [0, 2], [6, 2]]
        )
        // Tokens behind see a new key in its own layer, and a new pattern or query only in the next; to a first token
        // both are nothing.
        #expect(counts([run([(.k, 1, 2, .zero)])]) == [[0, 0], [5, 5], [5, 1]])
        for site in [Site.pattern, .q] {
            #expect(counts([run([(site, 1, 2, .zero)])]) == [[0, 0], [1, 1], [5, 1]])
            #expect(counts([run([(site, 1, 0, .zero)])]) == [[0, 0], [0, 0], [0, 0]])
        }
        // Another source, or another layer, is another edit.
        #expect(counts([a, run([(.z, 1, 2, .zero)])]) == [[0, 0], [0, 2], [6, 2]])
        #expect(counts([a, run([(.z, 0, 2, .run(donor))])]) == [[0, 1], [5, 6], [10, 2]])
    }

    /// Prompts that begin alike share rows where their edits are equal, and only there.
    @Test func promptsThatBeginAlikeShareRows() throws {
        let fixture = PatchingFixture.all[1]
        let runner = Self.runner(fixture.parameters, batchTokens: 30, stackedRows: 100)
        let batch = PackedBatch([[1, 2, 3, 4], [1, 2, 5, 6]], rows: .last)
        runner.base.run(batch)
        func counts(_ tokens: [Int]) -> [[Int]] {
            let run = PatchedRun([Edit(site: .z, layer: 0, head: 0, tokens: tokens, values: .zero)], of: batch)
            return runner.pass.rowCounts(of: [run], on: runner.base).map { [$0.before, $0.after] }
        }
        #expect(counts([0, 4]) == [[0, 1], [6, 6], [6, 2]])
        #expect(counts([0, 5]) == [[0, 2], [7, 7], [7, 2]])
    }
}
