import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// F(C∖K) and F(M∖K) against whole runs, one at a time.
@Suite struct CircuitSubsetsTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    static let prompts = PatchingFixture.prompts
    /// What rounding in float32 explains, of logit differences around 1.
    static let tolerance = 1e-4

    /// At one position, everywhere, and at a position that is another class's too in some prompts.
    static func circuit(_ config: GPT2Config) throws -> Circuit {
        let last = config.layers - 1
        return try Circuit(
            model: "fixture",
            classes: [
                HeadClass(name: "late", heads: [Head(last, 1), Head(last, 0)], position: .one(.end)),
                HeadClass(name: "everywhere", heads: [Head(1, 0)].filter { $0.layer < last }, position: .all),
                HeadClass(name: "early", heads: [Head(0, 1), Head(0, 0)], position: .one(.s2)),
            ].filter { !$0.heads.isEmpty }
        )
    }

    static func subsets(
        _ circuit: Circuit,
        _ parameters: GPT2Parameters,
        _ prompts: [Prompt] = prompts,
        ablation: Ablation = Ablation(),
        everywhere: Bool = false
    ) -> CircuitSubsets {
        CircuitSubsets(
            of: circuit.positions(everywhere: everywhere), in: parameters, prompts, reference: prompts,
            ablation: ablation, settings: settings
        )
    }

    /// The logit differences where z is replaced wherever `isOut` says.
    static func differences(
        _ model: NaiveModel,
        _ kind: NaiveKnockout,
        isOut: (Head, _ position: Int, Prompt) -> Bool
    ) -> [Double] {
        prompts.indices.map { index in
            let prompt = prompts[index]
            let heads = model.config.allHeads.map { head in
                (head, positions: prompt.tokens.indices.filter { isOut(head, $0, prompt) })
            }
            return naiveKnockout(model, prompts: prompts, index: index, heads: heads, kind: kind)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func subsetsAreThoseOfWholeRuns(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let circuit = try Self.circuit(fixture.config)
        let nodes = Set(circuit.nodes)
        let last = fixture.config.layers - 1
        let sets: [Set<Node>] = [
            [], [.head(Head(0, 1))], [.head(Head(last, 1)), .head(Head(0, 0))], Set(circuit.classes[1].nodes), nodes,
            [.head(Head(0, 1))],
        ]
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        let cases: [(Ablation, NaiveKnockout, everywhere: Bool)] = [
            (Ablation(), .mean(means), false), (Ablation(.zero), .zero, false),
            (Ablation(.counterfactual), .counterfactual, true),
        ]
        var greatest = 0.0
        for (ablation, kind, everywhere) in cases {
            let places = circuit.positions(everywhere: everywhere)
            func isNode(_ head: Head, _ position: Int, _ prompt: Prompt) -> Bool {
                places[.head(head)]?.positions(in: prompt.positions, count: prompt.tokens.count).contains(position)
                    ?? false
            }
            let subsets = Self.subsets(circuit, fixture.parameters, ablation: ablation, everywhere: everywhere)
            try subsets.runCircuit(without: sets, stage: "test")
            try subsets.runModel(without: sets, stage: "test")
            for k in sets {
                let isolated = Self.differences(model, kind) { !isNode($0, $1, $2) || k.contains(.head($0)) }
                let whole = Self.differences(model, kind) { isNode($0, $1, $2) && k.contains(.head($0)) }
                let found = (subsets.circuit(without: k), subsets.model(without: k))
                #expect(zip(found.0, isolated).allSatisfy { abs($0 - $1) < Self.tolerance }, "C without \(k)")
                #expect(zip(found.1, whole).allSatisfy { abs($0 - $1) < Self.tolerance }, "M without \(k)")
                greatest = max(greatest, zip(isolated, whole).map { abs($0 - $1) }.max()!)
            }
            #expect(subsets.model(without: []) == subsets.original)
        }
        #expect(greatest > 0.01, "nothing to compare")
    }

    /// All sets together, which share the layers in which they agree, are as each alone.
    @Test func setsThatShareLayersAreAsAlone() throws {
        let fixture = PatchingFixture.all[2]
        let circuit = try Self.circuit(fixture.config)
        let sets = (0..<1 << circuit.nodes.count).map { bits in
            Set(circuit.nodes.enumerated().filter { bits >> $0.offset & 1 == 1 }.map(\.element))
        }
        let kinds: [Ablation.Kind] = [.mean, .resample, .zero, .counterfactual]
        for ablation in [Ablation(.mean, group: .global)] + kinds.map({ Ablation($0) }) {
            let together = Self.subsets(circuit, fixture.parameters, ablation: ablation)
            try together.runCircuit(without: sets, stage: "together")
            try together.runModel(without: sets, stage: "together")
            let alone = Self.subsets(circuit, fixture.parameters, ablation: ablation)
            for set in sets {
                try alone.runCircuit(without: [set], stage: "alone")
                try alone.runModel(without: [set], stage: "alone")
                for (a, b) in [
                    (together.circuit(without: set), alone.circuit(without: set)),
                    (together.model(without: set), alone.model(without: set)),
                ] {
                    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 }, "\(ablation.kind), without \(set)")
                }
            }
        }
    }

    /// Sets that are run later, or one by one, or alone, are as those of one call.
    @Test func setsMayComeInAnyOrder() throws {
        let fixture = PatchingFixture.all[1]
        let circuit = try Self.circuit(fixture.config)
        let sets: [Set<Node>] = [Set(circuit.nodes), [.head(Head(0, 0))], []]
        let together = Self.subsets(circuit, fixture.parameters)
        try together.runCircuit(without: sets, stage: "together")
        let apart = Self.subsets(circuit, fixture.parameters)
        for set in sets.reversed() + sets { try apart.runCircuit(without: [set], stage: "apart") }
        let alone = Self.subsets(circuit, fixture.parameters)
        try alone.runCircuit(without: [Set(circuit.nodes)], stage: "alone")
        for set in sets {
            #expect(zip(together.circuit(without: set), apart.circuit(without: set)).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        let bare = (together.circuit(without: sets[0]), alone.circuit(without: sets[0]))
        #expect(zip(bare.0, bare.1).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func figuresAreOfMeansOverPrompts() throws {
        let fixture = PatchingFixture.all[2]
        let circuit = try Self.circuit(fixture.config)
        let subsets = Self.subsets(circuit, fixture.parameters)
        let (some, others): (Set<Node>, Set<Node>) = ([.head(Head(0, 0))], [.head(Head(0, 0)), .head(Head(3, 1))])
        try subsets.runCircuit(without: [some, others], stage: "test")
        try subsets.runModel(without: [others], stage: "test")
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let estimates = subsets.estimates(circuit: [some, others], model: [others, []], seed: 4)
        let (whole, a) = (mean(subsets.original), mean(subsets.circuit(without: some)))
        let (b, c) = (mean(subsets.circuit(without: others)), mean(subsets.model(without: others)))
        for (figure, value) in [
            (estimates.original, whole), (estimates.circuit(without: some), a), (estimates.model(without: others), c),
            (estimates.model(without: []), whole), (estimates.gap(without: others), abs(b - c)),
            (estimates.change(from: some, to: others), abs(a - b) / abs(whole)),
        ] {
            #expect(abs(try #require(figure.value) - value) < 1e-12)
            #expect(try #require(figure.ci95)[0] < #require(figure.ci95)[1])
        }
        #expect(subsets.change(from: some, to: others) == abs(a - b) && subsets.gap(without: others) == abs(b - c))
        #expect(abs(a - b) > 1e-3 && abs(b - c) > 1e-3)
    }
}
