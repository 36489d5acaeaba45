import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Circuits that name MLPs beside heads.
@Suite struct MLPCircuitTests {
    static let prompts = PatchingFixture.prompts

    static var greaterThan: Circuit {
        get throws { try Circuit(contentsOf: DataDirectory.file("circuits/greater-than.json"), for: .small) }
    }

    /// Of every kind, in two, three or four layers: at one position, everywhere, mixed, and MLPs alone.
    static func circuit(_ config: GPT2Config) throws -> Circuit {
        let last = config.layers - 1
        return try Circuit(
            model: "fixture",
            classes: [
                HeadClass(name: "late", nodes: [.head(Head(last, 1)), .mlp(last)], position: .one(.end)),
                HeadClass(name: "early", nodes: [.mlp(0), .head(Head(0, 1))], position: .one(.s2)),
                HeadClass(name: "everywhere", nodes: [.head(Head(0, 0))] + (last > 1 ? [.mlp(1)] : []), position: .all),
            ],
            paths: [
                ClassPath(from: "early", to: "late", inputs: [.q, .v]), ClassPath(from: "everywhere", to: "early"),
                ClassPath(from: "everywhere", to: "late", inputs: [.k]), ClassPath(from: "late", to: "late"),
                ClassPath(from: "late", to: "logits"),
            ]
        )
    }

    // MARK: Files

    @Test func theGreaterThanCircuitIsThePublishedOne() throws {
        let circuit = try Self.greaterThan
        #expect(
            circuit.heads.map(\.description) == "0.1 0.3 0.5 5.5 6.1 6.9 7.10 8.11 9.1".components(separatedBy: " "))
        #expect(circuit.mlps == [0, 1, 2, 3, 8, 9, 10, 11] && circuit.nodes.count == 17)
        #expect(circuit.size == "9 heads and 8 MLPs")
        #expect(circuit.classes.allSatisfy { $0.position == .all })
        #expect(try circuit.json == Data(contentsOf: DataDirectory.file("circuits/greater-than.json")))
        let graph = Graph(.small)
        let edges = try #require(circuit.edgeSet(graph))
        for (name, isKept) in [
            ("input->0.3.q", true), ("input->m0", true), ("input->m8", true), ("input->logits", true),
            ("input->m4", false), ("input->9.9.q", false), ("0.1->m0", true), ("0.1->m3", true), ("0.1->m4", false),
            ("0.3->m0", false), ("0.5->5.5.k", true), ("0.1->9.1.v", true), ("m0->m3", true), ("m3->5.5.q", true),
            ("m0->m8", false), ("m0->logits", false), ("5.5->6.9.k", false), ("5.5->m8", true), ("8.11->m8", true),
            ("9.1->m8", false), ("9.1->logits", true), ("m8->m11", true), ("m8->9.1.q", false), ("m11->logits", true),
            ("m5->logits", false), ("m5->9.1.v", false), ("0.1->logits", false),
        ] {
            #expect((graph.edge(named: name).map(edges.contains) ?? false) == isKept, "\(name)")
        }
    }

    @Test func positionsMayBeLeftOut() throws {
        let text = "{\"model\": \"m\", \"classes\": [{\"name\": \"a\", \"heads\": [\"m1\", \"1.0\"]}]}"
        let circuit = try withFile(text) { try Circuit(contentsOf: $0) }
        #expect(circuit.classes == [HeadClass(name: "a", nodes: [.mlp(1), .head(Head(1, 0))], position: .all)])
        #expect(circuit.classes[0].heads == [Head(1, 0)] && circuit.classes[0].mlps == [1])
        for json in [circuit.json, try JSONEncoder().encode(circuit)] {
            #expect(try JSONDecoder().decode(Circuit.self, from: json) == circuit)
            let object = try JSONSerialization.jsonObject(with: json) as? NSDictionary
            let form: NSDictionary = [
                "model": "m", "classes": [["name": "a", "heads": ["m1", "1.0"], "position": "all"] as [String: Any]],
            ]
            #expect(object == form)
        }
    }

    @Test func faultyMLPsAreRefused() throws {
        func read(_ nodes: String, for config: GPT2Config) throws {
            let text = "{\"model\": \"m\", \"classes\": [{\"name\": \"a\", \"heads\": \(nodes)}]}"
            _ = try withFile(text, named: "c.json") { try Circuit(contentsOf: $0, for: config) }
        }
        let config = PatchingFixture.all[0].config
        try read("[\"m0\", \"m1\"]", for: config)
        for (nodes, message) in [
            ("[\"m2\"]", "heads of class \"a\": found MLP m2, expected m0 to m1 in this model"),
            ("[\"m1\", \"1.0\", \"m1\"]", "heads of class \"a\": found m1 twice, expected each MLP once in one class"),
            (
                "[\"mlp1\"]",
                "classes[0].heads[0]: found \"mlp1\", expected a head as layer.head, such as \"9.9\", or an MLP"
            ),
            ("[]", "heads of class \"a\": found an empty list, expected at least one head or MLP"),
        ] {
            expectError(containing: "/c.json: \(message)") { try read(nodes, for: config) }
        }
    }

    // MARK: Edges

    /// Edge by edge, as the file's words say.
    @Test(arguments: PatchingFixture.all) func pathsSayWhichEdgesThereAre(_ fixture: PatchingFixture) throws {
        let circuit = try Self.circuit(fixture.config)
        func className(_ node: NaiveNode) -> String? {
            let name =
                switch node {
                case .input, .logits: ""
                case .head(let head), .headInput(let head, _): "\(head)"
                case .mlp(let layer): "m\(layer)"
                }
            return circuit.classes.first { $0.nodes.map(\.description).contains(name) }?.name
        }
        let expected = fixture.config.naiveEdges.filter { edge in
            let to = edge.receiver == .logits ? "logits" : className(edge.receiver)
            guard let to else { return false }
            if edge.sender == .input { return true }
            guard let from = className(edge.sender) else { return false }
            return circuit.paths.contains { path in
                guard path.from == from, path.to == to else { return false }
                guard case .headInput(_, let site) = edge.receiver else { return true }
                return path.inputs.map(\.rawValue).contains(site.rawValue)
            }
        }
        let graph = Graph(fixture.config)
        let found = try #require(circuit.edgeSet(graph)).edges.map(graph.name)
        #expect(found == expected.map { "\($0.sender)->\($0.receiver)" })
        #expect(found.contains { $0.hasPrefix("m") } && found.count < graph.edgeCount)
    }

    // MARK: Criteria

    private func naive(_ parameters: GPT2Parameters) -> [(Ablation, NaiveCircuits)] {
        let model = NaiveModel(parameters)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        return [(Ablation(), .mean(means)), (Ablation(.zero), .zero), (Ablation(.counterfactual), .counterfactual)].map
        {
            ($0, NaiveCircuits(model: model, prompts: Self.prompts, ablation: $1, haveMLPs: true))
        }
    }

    /// Also of sets without which the circuit has no MLP left.
    @Test(arguments: PatchingFixture.all) func minimalityAndCompleteness(_ fixture: PatchingFixture) throws {
        let circuit = try Self.circuit(fixture.config)
        let places = circuit.positions().mapValues { [$0] }
        let sets: [Set<Node>] = [
            [], [.mlp(0)], Set(circuit.mlps.map(Node.mlp)), Set(circuit.classes[0].nodes), Set(circuit.nodes),
        ]
        for (ablation, naive) in naive(fixture.parameters) {
            let subsets = CircuitSubsetsTests.subsets(circuit, fixture.parameters, ablation: ablation)
            let minimality = try #require(try Minimality.sets(.auto, for: circuit))
            #expect(Set(minimality.keys) == Set(circuit.nodes))
            let ofCircuit = sets + minimality.flatMap { [$1, $1.union([$0])] }
            try subsets.runCircuit(without: ofCircuit, stage: "test")
            try subsets.runModel(without: sets, stage: "test")
            let estimates = subsets.estimates(circuit: ofCircuit, model: sets, seed: 0)
            for (node, k) in minimality {
                let score = try #require(Minimality.Score(node, in: "", without: k, estimates).score.value)
                let expected = abs(naive.minimality(of: node, in: places, without: Array(k)))
                #expect(abs(score - expected) < 1e-3 * max(1, expected), "\(ablation.kind), \(node)")
            }
            for k in sets {
                let score = Completeness.Score(.init(kind: .random, k: k), estimates)
                let expected = naive.completeness(of: places, without: Array(k))
                #expect(score.k == k.sorted())
                for (found, expected) in [
                    (score.circuit, expected.circuit), (score.model, expected.model), (score.score, expected.score),
                ] {
                    #expect(abs(try #require(found.value) - expected) < 1e-4, "\(ablation.kind), \(k)")
                }
            }
        }
    }

    @Test func sparsityCountsHeadsAndMLPs() throws {
        let fixture = PatchingFixture.all[2]
        let circuit = try Self.circuit(fixture.config)
        let naive = naive(fixture.parameters)[0].1
        let expected = naive.sparsity(of: circuit.positions().mapValues { [$0] })
        let found = circuit.sparsity(Self.prompts, config: fixture.config, everywhere: false)
        #expect(abs(found - expected.reduce(0, +) / Double(expected.count)) < 1e-12)
    }

    @Test func drawnSetsAndSearchesHaveMLPsToo() throws {
        let fixture = PatchingFixture.all[1]
        let circuit = try Self.circuit(fixture.config)
        let drawn = Completeness.candidates([.random, .headClass], of: circuit, randomSets: 30, seed: 0)
        for node in circuit.nodes { #expect(drawn.contains { $0.kind == .random && $0.k.contains(node) }, "\(node)") }
        #expect(drawn.suffix(3).map(\.k) == circuit.classes.map { Set($0.nodes) })
        var search = GreedySearch()
        (search.runs, search.steps) = (1, circuit.nodes.count)
        let subsets = CircuitSubsetsTests.subsets(circuit, fixture.parameters)
        let sets = try Minimality.greedySets(for: circuit, search, seed: 0, subsets)
        #expect(Set(sets.keys) == Set(circuit.nodes) && sets.allSatisfy { !$1.contains($0) })
    }

    @Test func thePublishedSetsAreForTheirCircuitAlone() throws {
        let published = try CircuitTests.published
        let more = try Circuit(
            model: "m", classes: published.classes + [HeadClass(name: "MLPs", nodes: [.mlp(0)], position: .all)]
        )
        #expect(PublishedMinimalitySets.matches(published) && !PublishedMinimalitySets.matches(more))
        let error = ioiError { _ = try Minimality.sets(.published, for: more) }
        #expect(error?.description.contains("which has no m0 in a class \"MLPs\"") == true)
    }

    @Test func randomCircuitsKeepTheMLPs() throws {
        let circuit = try Self.greaterThan
        for drawn in try circuit.matched(count: 5, config: .small, seed: 1) {
            #expect(drawn.mlps == circuit.mlps && drawn.heads != circuit.heads && drawn.paths == circuit.paths)
            #expect(drawn.heads.map(\.layer) == circuit.heads.map(\.layer))
            #expect(drawn.classes.map(\.nodes.count) == circuit.classes.map(\.nodes.count))
        }
        let alone = try Circuit(model: "m", classes: [HeadClass(name: "a", nodes: [.mlp(0)], position: .all)])
        #expect(try alone.matched(count: 5, config: .small, seed: 1).isEmpty && alone.size == "1 MLP")
    }

    // MARK: Diff and diagram

    @Test func mlpsAreComparedAsHeadsAre() throws {
        let base = try Self.greaterThan
        let tuned = try Circuit(
            model: "m",
            classes: [
                HeadClass(name: "early MLP", nodes: [.mlp(4), .mlp(1), .mlp(0)], position: .all),
                HeadClass(name: "booster MLP", nodes: [.mlp(2), .mlp(9)], position: .all),
            ]
        )
        let diff = CircuitDiff(from: base, to: tuned)
        #expect(diff.shared == [.mlp(0), .mlp(1), .mlp(2), .mlp(9)])
        #expect(diff.gained.map { "\($0.node) \($0.headClass)" } == ["m4 early MLP"])
        #expect(diff.moved.map { "\($0.node) \($0.from) \($0.to)" } == ["m2 early MLP booster MLP"])
        #expect(diff.classes[0].gained == [.mlp(4)] && diff.classes[0].lost == [.mlp(2), .mlp(3)])
        #expect(diff.nodeJaccard == 4.0 / 18 && diff.lost.count == 13)
        let json = String(decoding: try JSONEncoder().encode(diff.gained), as: UTF8.self)
        #expect(
            json == "[{\"class\":\"early MLP\",\"head\":\"m4\"}]"
                || json == "[{\"head\":\"m4\",\"class\":\"early MLP\"}]")
    }

    /// The left edges of a diagram's boxes, by their titles, and the ends of its arrows.
    private func layout(_ circuit: Circuit) throws -> (boxes: [String: Double], arrows: [(from: Double, to: Double)]) {
        let reader = try XMLReader(Data(CircuitDiagram(title: "t", circuit).svg.utf8))
        let titles = reader.elements.filter { $0.name == "text" && $0.attributes["class"] == "quiet" }
        let arrows = reader.all("polyline").filter { $0["class"] == "arrow" }.compactMap { $0["points"] }
        func number(_ attributes: [String: String], _ name: String) throws -> Double {
            try #require(attributes[name].flatMap(Double.init))
        }
        return (
            Dictionary(uniqueKeysWithValues: try titles.map { ($0.text, try number($0.attributes, "x") - 8) }),
            try arrows.map { points in
                let xs = points.split(separator: " ").compactMap {
                    $0.split(separator: ",").first.flatMap { Double($0) }
                }
                return (try #require(xs.first), try #require(xs.last))
            }
        )
    }

    @Test func arrowsGoToTheRight() throws {
        let (boxes, arrows) = try layout(try Self.greaterThan)
        let columns = ["shared year reader", "early MLP", "year mover", "booster MLP"].compactMap {
            boxes["\($0) (all)"]
        }
        #expect(columns.count == 4 && columns == columns.sorted() && Set(columns).count == 4)
        #expect(boxes["year reader (all)"] == boxes["early MLP (all)"])
        // All but those of a class to itself.
        #expect(arrows.count(where: { $0.from < $0.to }) == 7 && arrows.count == 9)
        let texts = try ChartTests.read(CircuitDiagram(title: "t", try Self.greaterThan).svg).texts
        #expect(Set(["m0", "m11", "0.1", "logits"]).isSubset(of: texts))
    }

    @Test func classesThatReadEachOtherInACircleAreDrawn() throws {
        let circuit = try Circuit(
            model: "m",
            classes: ["a", "b", "c"].enumerated().map { HeadClass(name: $1, nodes: [.mlp($0)], position: .one(.end)) },
            paths: [
                ClassPath(from: "a", to: "b"), ClassPath(from: "b", to: "a"), ClassPath(from: "b", to: "c"),
                ClassPath(from: "c", to: "logits"),
            ]
        )
        #expect(try layout(circuit).boxes.count == 3)
    }

    /// As drawn before circuits had MLPs: by position, S-inhibition before the other classes at END.
    @Test func circuitsOfIOIGoByPosition() throws {
        let (boxes, arrows) = try layout(try CircuitTests.published)
        let columns = [
            "previous token (S1+1)": 0, "induction (S2)": 1, "duplicate token (S2)": 1, "S-inhibition (END)": 2,
            "name mover (END)": 3, "backup name mover (END)": 3, "negative name mover (END)": 3,
        ]
        #expect(boxes.mapValues { Set(boxes.values).sorted().firstIndex(of: $0) } == columns && arrows.count == 9)
    }

    // MARK: Experiments

    /// Fresh for each run, since it has a run's partial results.
    private var work: Work { Work(RunSettings(workers: Workers(count: 2)), perPrompt: true) }

    private func save(_ circuit: Circuit) throws -> String {
        let file = TemporaryModel.fresh()
        try circuit.json.write(to: file)
        return file.path
    }

    @Test func aClassIsKnockedOutWithItsMLPs() throws {
        let model = try TemporaryModel.shared.load()
        let circuit = try Circuit(
            model: "m",
            classes: [HeadClass(name: "a", nodes: [.mlp(1), .head(Head(1, 2))], position: .one(.end))]
        )
        var (byClass, byName) = (
            KnockoutExperiment(prompts: PromptSource(count: 6)), KnockoutExperiment(prompts: PromptSource(count: 6))
        )
        (byClass.classes, byClass.circuit) = (["a"], try save(circuit))
        byName.heads = .some([PlacedHead(Head(1, 2), at: .one(.end))])
        byName.mlps = .some([PlacedMLP(1, at: .one(.end))])
        let results = try [byClass, byName].map { try $0.run(on: Subject(of: $0, model), work) }
        #expect(results[0].together == results[1].together)
        byName.mlps = .some([])
        #expect(try byName.run(on: Subject(of: byName, model), work).together != results[0].together)
    }

    @Test func discoveryNamesMLPsIfAsked() throws {
        let model = try TemporaryModel.shared.load()
        var attribution = DiscoverExperiment.Attribution()
        (attribution.edges, attribution.resamples) = (60, 0)
        for method in [
            DiscoverExperiment.Method.attribution(attribution), .acdc(threshold: 1e-5, metric: .logitDifference),
        ] {
            var experiment = DiscoverExperiment(prompts: PromptSource(count: 4), method: method)
            let heads = try experiment.run(on: Subject(of: experiment, model), work).found()
            experiment.mlps = true
            try experiment.validate()
            let both = try experiment.run(on: Subject(of: experiment, model), work).found()
            #expect(heads.classes.map(\.name) == ["heads"] && !heads.namesMLPs)
            #expect(both.classes.map(\.name) == ["heads", "MLPs"] && both.classes[0] == heads.classes[0])
            #expect(both.edges == heads.edges)
            let senders = both.edges.compactMap { Node(String($0.prefix { $0 != "-" })) }
            #expect(both.nodes == Set(senders).sorted() && both.classes[1].position == .all)
        }
        var walk = DiscoverExperiment(prompts: PromptSource(count: 4), method: .path(PathWalk()))
        try walk.validate()
        walk.mlps = true
        #expect(ioiError { try walk.validate() }?.field == "mlps")
        // Results of before have no such option.
        let old = try JSONSerialization.jsonObject(
            with: JSONEncoder().encode(DiscoverExperiment(prompts: PromptSource(count: 4), method: .path(PathWalk())))
        )
        #expect((old as? [String: Any])?["mlps"] == nil)
    }

    @Test func faithfulnessByNodesAndByEdges() throws {
        let model = try TemporaryModel.shared.load()
        let circuit = try Self.circuit(model.config)
        var experiment = FaithfulnessExperiment(prompts: PromptSource(count: 5))
        experiment.circuit = try save(circuit)
        experiment.randomSets = 2
        let naive = NaiveModel(model.parameters)
        let subject = try Subject(of: experiment, model)
        let prompts = subject.prompts
        experiment.method.ablation = Ablation(.counterfactual)
        let nodes = try experiment.run(on: subject, work)
        let expected = NaiveCircuits(model: naive, prompts: prompts, ablation: .counterfactual, haveMLPs: true)
            .isolated(circuit.positions().mapValues { [$0] })
        #expect(zip(nodes.perPrompt!.circuit, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        experiment.method.granularity = .edge
        let edges = try experiment.run(on: subject, work)
        let kept = EdgeCircuit(
            try #require(circuit.edgeSet(Graph(model.config))), positions: circuit.positions()
        )
        for index in prompts.indices {
            let expected = NaiveGraph(naive).isolated(kept, prompts, index, .counterfactual)
            #expect(abs(edges.perPrompt!.circuit[index] - expected) < 1e-4)
        }
    }
}
