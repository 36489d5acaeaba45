import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct MinimalityTests {
    private func naiveCircuit() throws -> Circuit {
        try Circuit(contentsOf: DataDirectory.file("circuits/gpt2-small-naive.json"), for: .small)
    }

    /// The sets K in words (Wang et al. 2211.00593, section 4.2 and appendix K).
    @Test func publishedSetsAreThoseOfThePaper() throws {
        let circuit = try CircuitTests.published
        #expect(PublishedMinimalitySets.matches(circuit))
        #expect(PublishedMinimalitySets.classes.map(\.key) == circuit.classes.map(\.name))
        for (headClass, published) in zip(circuit.classes, PublishedMinimalitySets.classes) {
            #expect(Set(headClass.heads) == Set(published.value.map { Head($0.key)! }))
        }
        let classes = Dictionary(uniqueKeysWithValues: circuit.classes.map { ($0.name, $0.heads) })
        let negatives = Set(try #require(classes["negative name mover"]))
        let movers = try #require(classes["name mover"]) + #require(classes["backup name mover"])
        let sets = try #require(try Minimality.sets(.auto, for: circuit))
        #expect(sets.count == 26)
        for (index, mover) in movers.enumerated() {
            let isLast = [Head(9, 0), Head(11, 9)].contains(mover)
            let others = Set(movers).subtracting([mover]).union(negatives)
            #expect(sets[mover] == (isLast ? others : Set(movers.prefix(index))))
        }
        for head in [Head(5, 8), Head(5, 9)] { #expect(sets[head] == negatives) }
        let rest = Set(circuit.heads).subtracting(movers).subtracting([Head(5, 8), Head(5, 9)])
        for headClass in circuit.classes {
            for head in headClass.heads where rest.contains(head) {
                #expect(sets[head] == Set(headClass.heads).subtracting([head]))
            }
        }
    }

    @Test func aPartOfThePublishedCircuitHasPartsOfItsSets() throws {
        let naive = try naiveCircuit()
        #expect(!PublishedMinimalitySets.matches(naive))
        let published = try #require(try Minimality.sets(.published, for: naive))
        #expect(published[Head(9, 6)] == [Head(9, 9), Head(10, 0)] && published[Head(5, 9)] == [])
        #expect(published[Head(5, 5)] == [Head(5, 9)])
        let auto = try #require(try Minimality.sets(.auto, for: naive))
        #expect(auto[Head(9, 9)] == [Head(9, 6), Head(10, 0)] && auto[Head(5, 9)] == [Head(5, 5)])
        #expect(try Minimality.sets(.headClass, for: naive) == auto)
        #expect(try Minimality.sets(.greedy, for: naive) == nil)
    }

    @Test func otherCircuitsHaveNoPublishedSets() throws {
        let circuit = try CircuitTests.published
        func renamed(_ from: String, _ to: String) throws -> Circuit {
            try Circuit(
                model: "m",
                classes: circuit.classes.map {
                    HeadClass(name: $0.name == from ? to : $0.name, heads: $0.heads, position: $0.position)
                }
            )
        }
        let moved = try renamed("induction", "copying")
        #expect(try Minimality.sets(.auto, for: moved) == Minimality.sets(.headClass, for: circuit))
        let error = #expect(throws: IOIError.self) { try Minimality.sets(.published, for: moved) }
        #expect(error?.kind == .usage)
        #expect(error?.description.contains("which has no 5.5 in a class \"copying\"") == true)
    }

    // MARK: Planted circuits

    /// The planted circuit with a class of noise heads beside it.
    private func withNoise(_ planted: PlantedModel) throws -> Circuit {
        try Circuit(
            model: "planted",
            classes: planted.circuit.classes + [
                HeadClass(name: "noise", heads: Array(planted.noiseHeads.prefix(3)), position: .one(.end))
            ]
        )
    }

    private func score(
        _ circuit: Circuit,
        _ planted: PlantedModel,
        _ sets: (CircuitSubsets) throws -> [Head: Set<Head>]
    ) throws -> [Minimality.Score] {
        let subsets = CircuitSubsetsTests.subsets(circuit, planted.parameters, PlantedModel.prompts)
        let sets = try sets(subsets)
        let all: [Set<Head>] = [[]] + sets.flatMap { [$1, $1.union([$0])] }
        try subsets.runCircuit(without: all, stage: "test")
        let estimates = subsets.estimates(circuit: all, model: [], seed: 0)
        return circuit.classes.flatMap { headClass in
            headClass.heads.map { Minimality.Score($0, in: headClass.name, without: sets[$0]!, estimates) }
        }
    }

    @Test(arguments: PlantedModel.all)
    func plantedHeadsAreNeededAndOthersAreNot(_ planted: PlantedModel) throws {
        let circuit = try withNoise(planted)
        let scores = try score(circuit, planted) { _ in try #require(try Minimality.sets(.auto, for: circuit)) }
        #expect(scores.map(\.head) == circuit.classes.flatMap(\.heads))
        for score in scores {
            let value = try #require(score.score.value)
            let (before, after) = (try #require(score.before.value), try #require(score.after.value))
            #expect(score.headClass == circuit.classes.first { $0.heads.contains(score.head) }?.name)
            if planted.heads.contains(score.head) {
                #expect(score.passes && value > 0.9 && score.k.isEmpty, "\(score.head)")
                #expect(before > 2 && after < 0.5, "\(score.head)")
            } else {
                #expect(!score.passes && value < 0.005 && score.k.count == 2, "\(score.head)")
                #expect(before > 2 && after > 2 && before != after, "\(score.head)")
            }
        }
    }

    @Test(arguments: PlantedModel.all)
    func aSearchFindsSetsWithoutWhichAHeadCounts(_ planted: PlantedModel) throws {
        let circuit = try withNoise(planted)
        var search = GreedySearch()
        search.steps = 2
        let scores = try score(circuit, planted) { subsets in
            let sets = try Minimality.greedySets(for: circuit, search, seed: 0, subsets)
            // All heads were tried at each step, so no single one does better.
            for head in circuit.heads {
                let found = subsets.change(from: sets[head]!, to: sets[head]!.union([head]))
                #expect(!sets[head]!.contains(head) && sets[head]!.count <= 2)
                for other in circuit.heads where other != head {
                    #expect(found >= subsets.change(from: [other], to: [other, head]))
                }
                #expect(found >= subsets.change(from: [], to: [head]))
            }
            return sets
        }
        for score in scores { #expect(score.passes == planted.heads.contains(score.head), "\(score.head)") }
    }
}
