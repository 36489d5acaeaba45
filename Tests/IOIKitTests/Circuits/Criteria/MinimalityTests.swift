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
            #expect(Set(headClass.nodes) == Set(published.value.map { Node($0.key)! }))
        }
        let classes = Dictionary(uniqueKeysWithValues: circuit.classes.map { ($0.name, $0.nodes) })
        let negatives = Set(try #require(classes["negative name mover"]))
        let movers = try #require(classes["name mover"]) + #require(classes["backup name mover"])
        let sets = try #require(try Minimality.sets(.auto, for: circuit))
        #expect(sets.count == 26)
        for (index, mover) in movers.enumerated() {
            let isLast = [Node.head(Head(9, 0)), .head(Head(11, 9))].contains(mover)
            let others = Set(movers).subtracting([mover]).union(negatives)
            #expect(sets[mover] == (isLast ? others : Set(movers.prefix(index))))
        }
        for head in [Node.head(Head(5, 8)), .head(Head(5, 9))] { #expect(sets[head] == negatives) }
        let rest = Set(circuit.nodes).subtracting(movers).subtracting([.head(Head(5, 8)), .head(Head(5, 9))])
        for headClass in circuit.classes {
            for node in headClass.nodes where rest.contains(node) {
                #expect(sets[node] == Set(headClass.nodes).subtracting([node]))
            }
        }
    }

    @Test func aPartOfThePublishedCircuitHasPartsOfItsSets() throws {
        let naive = try naiveCircuit()
        #expect(!PublishedMinimalitySets.matches(naive))
        let published = try #require(try Minimality.sets(.published, for: naive))
        #expect(
            published[.head(Head(9, 6))] == [.head(Head(9, 9)), .head(Head(10, 0))]
                && published[.head(Head(5, 9))] == [])
        #expect(published[.head(Head(5, 5))] == [.head(Head(5, 9))])
        let auto = try #require(try Minimality.sets(.auto, for: naive))
        #expect(
            auto[.head(Head(9, 9))] == [.head(Head(9, 6)), .head(Head(10, 0))]
                && auto[.head(Head(5, 9))] == [.head(Head(5, 5))])
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
        _ sets: (CircuitSubsets) throws -> [Node: Set<Node>]
    ) throws -> [Minimality.Score] {
        let subsets = CircuitSubsetsTests.subsets(circuit, planted.parameters, PlantedModel.prompts)
        let sets = try sets(subsets)
        let all: [Set<Node>] = [[]] + sets.flatMap { [$1, $1.union([$0])] }
        try subsets.runCircuit(without: all, stage: "test")
        let estimates = subsets.estimates(circuit: all, model: [], seed: 0)
        return circuit.classes.flatMap { headClass in
            headClass.nodes.map { Minimality.Score($0, in: headClass.name, without: sets[$0]!, estimates) }
        }
    }

    @Test(arguments: PlantedModel.all)
    func plantedHeadsAreNeededAndOthersAreNot(_ planted: PlantedModel) throws {
        let circuit = try withNoise(planted)
        let scores = try score(circuit, planted) { _ in try #require(try Minimality.sets(.auto, for: circuit)) }
        #expect(scores.map(\.node) == circuit.classes.flatMap(\.nodes))
        for score in scores {
            let value = try #require(score.score.value)
            let (before, after) = (try #require(score.before.value), try #require(score.after.value))
            #expect(score.headClass == circuit.classes.first { $0.nodes.contains(score.node) }?.name)
            if planted.heads.contains(score.node.head!) {
                #expect(score.passes && value > 0.9 && score.k.isEmpty, "\(score.node)")
                #expect(before > 2 && after < 0.5, "\(score.node)")
            } else {
                #expect(!score.passes && value < 0.005 && score.k.count == 2, "\(score.node)")
                #expect(before > 2 && after > 2 && before != after, "\(score.node)")
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
            for node in circuit.nodes {
                let found = subsets.change(from: sets[node]!, to: sets[node]!.union([node]))
                #expect(!sets[node]!.contains(node) && sets[node]!.count <= 2)
                for other in circuit.nodes where other != node {
                    #expect(found >= subsets.change(from: [other], to: [other, node]))
                }
                #expect(found >= subsets.change(from: [], to: [node]))
            }
            return sets
        }
        for score in scores { #expect(score.passes == planted.heads.contains(score.node.head!), "\(score.node)") }
    }
}
