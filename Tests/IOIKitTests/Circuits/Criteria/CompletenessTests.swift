import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CompletenessTests {
    private func score(
        _ circuit: Circuit,
        _ parameters: GPT2Parameters,
        _ objectives: [Completeness.Objective] = Completeness.Objective.allCases
    ) throws -> (scores: [Completeness.Score], subsets: CircuitSubsets, whole: Double) {
        let subsets = CircuitSubsetsTests.subsets(circuit, parameters, PlantedModel.prompts)
        var candidates = Completeness.candidates([.random, .headClass], of: circuit, randomSets: 5, seed: 3)
        var search = GreedySearch()
        (search.runs, search.steps, search.candidates) = (3, 3, 2)
        for objective in objectives {
            candidates += try Completeness.greedyCandidates(objective, of: circuit, search, seed: 3, subsets)
        }
        let sets = candidates.map(\.k)
        try subsets.runCircuit(without: sets, stage: "test")
        try subsets.runModel(without: sets, stage: "test")
        let estimates = subsets.estimates(circuit: sets, model: sets, seed: 0)
        return (candidates.map { Completeness.Score($0, estimates) }, subsets, estimates.original.value!)
    }

    @Test func setsAreTheEmptyOneRandomOnesAndClasses() throws {
        let circuit = try CircuitTests.published
        #expect(Completeness.candidates([], of: circuit, randomSets: 4, seed: 0) == [.init(kind: .empty, k: [])])
        let all = Completeness.candidates([.headClass, .random], of: circuit, randomSets: 40, seed: 0)
        #expect(
            all.map(\.kind) == [.empty] + Array(repeating: .random, count: 40) + circuit.classes.map { _ in .headClass }
        )
        #expect(all.suffix(7).map(\.name) == circuit.classes.map(\.name))
        #expect(all.suffix(7).map(\.k) == circuit.classes.map { Set($0.nodes) })
        let random = all[1...40].map(\.k)
        #expect(Set(random).count == 40 && random.allSatisfy { $0.isSubset(of: circuit.nodes) })
        // 1040 throws of a coin: four standard deviations are 65.
        #expect(abs(random.map(\.count).reduce(0, +) - 520) < 65)
        for node in circuit.nodes { #expect((8...32).contains(random.count { $0.contains(node) }), "\(node)") }
        let fewer = Completeness.candidates([.random], of: circuit, randomSets: 10, seed: 0)
        #expect(fewer == Array(all.prefix(11)))
        #expect(Completeness.candidates([.random], of: circuit, randomSets: 10, seed: 1) != fewer)
    }

    @Test(arguments: PlantedModel.all)
    func thePlantedCircuitIsCompleteForAllSets(_ planted: PlantedModel) throws {
        let (scores, _, whole) = try score(planted.circuit, planted.parameters)
        #expect(Set(scores.map(\.kind)) == Set(Completeness.Kind.allCases))
        for score in scores {
            #expect(try #require(score.score.value) < 0.02 * whole, "\(score.kind) \(score.k)")
            if score.k.isEmpty { #expect(score.model.value == whole) }
            if !score.k.isEmpty { #expect(try #require(score.circuit.value) < 0.2 * whole) }
        }
    }

    @Test func aCircuitWithoutOneOfItsHeadsIsNot() throws {
        let planted = PlantedModel()
        let classes = planted.circuit.classes.filter { $0.name != "S-inhibition" }
        let (scores, _, whole) = try score(try Circuit(model: "part", classes: classes), planted.parameters)
        #expect(try #require(scores[0].score.value) > 0.9 * whole && scores[0].kind == .empty)
    }

    /// Both are name movers, and the circuit has one of them: without it the model still has the other.
    @Test func anotherHeadThatDoesTheSameShowsWhenTheFirstIsOut() throws {
        let planted = PlantedModel()
        let twin = Head(planted.nameMover.layer, planted.nameMover.index - 1)
        let parameters = GPT2Parameters(copying: planted.parameters, workers: Workers(count: 1))
        parameters.copy(planted.nameMover, onto: twin)
        let (scores, subsets, whole) = try score(planted.circuit, parameters)
        let mover = try #require(scores.first { $0.name == "name mover" })
        #expect(try #require(mover.circuit.value) < 0.1 * whole)
        #expect(try #require(mover.model.value) > 0.3 * whole)
        // Without what the movers read both say S a little, so less is missing.
        let inhibition = try #require(scores.first { $0.name == "S-inhibition" })
        #expect(try #require(inhibition.score.value) < 0.1 * whole)
        #expect(try #require(mover.score.value) > 0.4 * whole)

        let greedy = scores.filter { $0.kind == .greedy }
        #expect(!greedy.isEmpty && greedy.allSatisfy { !$0.k.isEmpty })
        for score in greedy where score.name == "gap" {
            #expect(try #require(score.score.value) > subsets.gap(without: []))
        }
    }

    /// With all heads tried at each step, no single head has a higher score than what a search ends with.
    @Test(arguments: PatchingFixture.all)
    func searchesFindLargeScores(_ fixture: PatchingFixture) throws {
        let circuit = try CircuitSubsetsTests.circuit(fixture.config)
        var search = GreedySearch()
        (search.runs, search.steps) = (2, 2)
        let subsets = CircuitSubsetsTests.subsets(circuit, fixture.parameters)
        for objective in Completeness.Objective.allCases {
            let found = try Completeness.greedyCandidates(objective, of: circuit, search, seed: 0, subsets)
            // Both runs try the same heads.
            #expect(found.count <= 1 && found.allSatisfy { $0.name == objective.rawValue && $0.kind == .greedy })
            let singles = circuit.nodes.map { Set([$0]) }
            try subsets.runModel(without: singles, stage: "test")
            switch objective {
            case .gap:
                let least = subsets.gap(without: found.first?.k ?? [])
                for set in [[]] + singles { #expect(least >= subsets.gap(without: set)) }
            case .change:
                let first = singles.max { subsets.change(from: [], to: $0) < subsets.change(from: [], to: $1) }!
                if let k = found.first?.k { #expect(k.isSuperset(of: first)) }
            }
        }
    }
}

extension GPT2Parameters {
    /// Makes a head of the same layer the same as another.
    fileprivate func copy(_ head: Head, onto other: Head) {
        precondition(head.layer == other.layer)
        let (block, size) = (blocks[head.layer], config.headWidth)
        for part in 0..<3 {
            for matrix in [block.qkvWeight, block.qkvBias] {
                for row in 0..<matrix.rows {
                    let start = matrix[row] + part * config.width
                    (start + other.index * size).update(from: start + head.index * size, count: size)
                }
            }
        }
        for row in 0..<size {
            block.outWeight[other.index * size + row].update(
                from: block.outWeight[head.index * size + row], count: config.width
            )
        }
    }
}
