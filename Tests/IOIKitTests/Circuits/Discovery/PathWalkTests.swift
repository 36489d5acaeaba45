import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PathWalkTests {
    static let settings = RunSettings(workers: Workers(count: 2))

    func find(_ planted: PlantedModel, _ walk: PathWalk = PathWalk()) throws -> PathWalkResult {
        try walk.find(planted.parameters, name: "planted", PlantedModel.prompts, settings: Self.settings)
    }

    /// Also of the classes that it has not: no backup or negative name mover, no induction or previous-token head.
    @Test(arguments: PlantedModel.all)
    func findsThePlantedCircuit(_ planted: PlantedModel) throws {
        var shares: [Double] = []
        let result = try PathWalk().find(
            planted.parameters, name: "planted", PlantedModel.prompts, settings: Self.settings,
            progress: { shares.append($0) }
        )
        #expect(result.circuit.model == "planted")
        #expect(result.circuit.classes == planted.circuit.classes)
        #expect(
            result.circuit.paths == [
                ClassPath(from: "name mover", to: "logits"),
                ClassPath(from: "S-inhibition", to: "name mover", inputs: [.q]),
                ClassPath(from: "duplicate token", to: "S-inhibition", inputs: [.v]),
            ])
        #expect(
            result.steps.map(\.receiver.description) == [
                "logits", "q:\(planted.nameMover)@END", "k:\(planted.sInhibition)@S2",
                "v:\(planted.sInhibition)@S2", "logits",
            ])
        #expect(result.steps.map(\.knockedOut) == [[], [], [], [], [planted.nameMover]])
        #expect(
            result.steps.map { $0.heard.map(\.description) } == [
                ["\(planted.nameMover)"], ["\(planted.sInhibition)"], [], ["\(planted.duplicateToken)"], [],
            ])
        #expect(shares == shares.sorted() && shares.last == 1)
        let behaviour = result.behaviour
        let head = planted.duplicateToken
        #expect((0.75...0.9).contains(behaviour.prompts.duplicate[head.layer][head.index]))
        #expect(behaviour.kind(of: head, among: [.duplicateToken, .induction], from: 0.2) == .duplicateToken)
        #expect(behaviour.kind(of: head, among: [.previousToken, .induction], from: 0.2) == nil)
    }

    /// A backup is found only where the name mover is silent, and its effect is a share of the whole model's figure.
    @Test func findsBackupAndNegativeNameMovers() throws {
        let planted = PlantedModel.withMoreMovers
        var walk = PathWalk()
        walk.backups.threshold = 10
        let result = try find(planted, walk)
        func headClass(_ name: String, _ heads: Head...) -> HeadClass {
            HeadClass(name: name, heads: heads, position: .one(.end))
        }
        #expect(
            result.circuit.classes == [
                headClass("name mover", planted.nameMover, PlantedModel.quietNameMover),
                headClass("backup name mover", PlantedModel.backupNameMover),
                headClass("negative name mover", PlantedModel.negativeNameMover),
                headClass("S-inhibition", planted.sInhibition),
                HeadClass(name: "duplicate token", heads: [planted.duplicateToken], position: .one(.s2)),
            ])
        for name in ["name mover", "backup name mover", "negative name mover"] {
            #expect(result.circuit.paths.contains(ClassPath(from: name, to: "logits")))
            #expect(result.circuit.paths.contains(ClassPath(from: "S-inhibition", to: name, inputs: [.q])))
        }
        func effect(_ step: PathWalkStep, _ head: Head) throws -> Double {
            try #require(step.map.layers[head.layer][head.index].effect.value)
        }
        let backup = PlantedModel.backupNameMover
        #expect(try abs(effect(result.steps[0], backup)) < 10)
        // The movers speak at strengths 1, 0.2, 0.3 where it wakes up, and -0.3.
        let woken = try #require(result.steps.first { !$0.knockedOut.isEmpty })
        let (share, expected) = (try effect(woken, backup), -100 * 0.3 / 0.9)
        #expect(abs(share / expected - 1) < 0.3, "\(share)")

        // With the first step's threshold above its effect now, the negative name mover is not found.
        walk.logits.threshold = 60
        #expect(try !find(planted, walk).circuit.heads.contains(PlantedModel.negativeNameMover))
    }

    @Test func thresholdsAndLimitsAct() throws {
        let planted = PlantedModel()
        var walk = PathWalk()
        walk.logits.threshold = 200
        #expect(throws: NoCircuit.self) { try find(planted, walk) }
        walk = PathWalk()
        walk.queries.threshold = 200
        var result = try find(planted, walk)
        #expect(result.circuit.classes.map(\.name) == ["name mover"])
        #expect(result.circuit.paths == [ClassPath(from: "name mover", to: "logits")])
        walk = PathWalk()
        walk.s2.threshold = 200
        result = try find(planted, walk)
        #expect(result.circuit.classes.map(\.name) == ["name mover", "S-inhibition"])

        // What a limit leaves out carried enough before, so it is no backup.
        walk = PathWalk()
        walk.logits.limit = 1
        walk.backups.threshold = 10
        result = try find(PlantedModel.withMoreMovers, walk)
        #expect(result.circuit.classes[0].heads == [planted.nameMover])
        #expect(!result.circuit.heads.contains(PlantedModel.quietNameMover))
        #expect(result.circuit.heads.contains(PlantedModel.backupNameMover))

        walk = PathWalk()
        walk.logits.threshold = 1000
        let nothing = #expect(throws: NoCircuit.self) { try find(planted, walk) }
        #expect(nothing?.description.hasPrefix("no head has a direct effect of 1000.0 %") == true)
        walk = PathWalk()
        walk.s1Next.threshold = -1
        #expect(throws: IOIError.invalid("s1_next.threshold", "found -1.0, expected 0 or more")) {
            try find(planted, walk)
        }
        walk = PathWalk()
        walk.s2.limit = 0
        #expect(throws: IOIError.invalid("s2.limit", "found 0, expected 1 to 100000")) { try find(planted, walk) }
    }

    /// Ten prompts: one head that is always worth 20 % of the difference, one as much on the mean but not reliably, one
    /// that raises it by 10 %, and one of 1 %.
    @Test func passingNeedsSizeSignAndCertainty() {
        var measures = PatchMeasures(cells: 4)
        measures.original = Array(repeating: 2, count: 10)
        measures.patched = [
            (0..<10).map { $0 % 2 == 0 ? 1.5 : 1.7 }, (0..<10).map { $0 % 2 == 0 ? 6.6 : -3.4 },
            Array(repeating: 2.2, count: 10), Array(repeating: 1.98, count: 10),
        ]
        let map = PatchMap(
            PatchEffects(measures, seed: 0, workers: Workers(count: 1)), measures, columns: .heads, layers: 2, width: 2,
            perPrompt: false
        )
        #expect(abs(map.layers[0][1].effect.value! + 20) < 1e-9)
        #expect(map.passing(2, bothSigns: false).map(\.0) == [Head(0, 0)])
        #expect(map.passing(2, bothSigns: true).map(\.0) == [Head(0, 0), Head(1, 0)])
        #expect(map.passing(0.5, bothSigns: false).map(\.0) == [Head(0, 0), Head(1, 1)])
        #expect(map.passing(21, bothSigns: true).isEmpty)
    }

    /// The patching tests' prompts, IO being the name that the model prefers.
    func prompts(_ parameters: GPT2Parameters) throws -> [Prompt] {
        let prompts = PatchingFixture.prompts
        let measures = try PathPatching(cells: [], receivers: [.logits]).measure(
            parameters, prompts, settings: Self.settings
        )
        return zip(prompts, measures.original).map { prompt, difference in
            var prompt = prompt
            if difference < 0 {
                (prompt.rightTokens, prompt.wrongTokens) = (prompt.wrongTokens, prompt.rightTokens)
            }
            return prompt
        }
    }

    /// For random models, where every head does a little of everything: what is more than rounding counts.
    func freeWalk(attention: Double = 0) -> PathWalk {
        var walk = PathWalk()
        for criterion in [\PathWalk.logits, \.backups, \.queries, \.s2, \.s1Next] {
            walk[keyPath: criterion].threshold = 0.01
        }
        walk.attention = attention
        return walk
    }

    /// What walks of all steps say, against the effects of their sweeps and the attention that they name heads by.
    @Test func everyStepFollowsItsRule() throws {
        var named: Set<String> = []
        var (direct, others) = (0, Set<String>())
        let config = try GPT2Config(
            vocabularySize: 61, contextLength: 16, width: 20, layers: 7, heads: 4, innerWidth: 29
        )
        let classes: Set = [
            "name mover", "backup name mover", "negative name mover", "S-inhibition", "induction", "duplicate token",
            "previous token",
        ]
        // Until there were heads of every class.
        for seed in UInt64(0)..<24 where !classes.isSubset(of: named) || direct == 0 {
            let parameters = GPT2Parameters(random: config, seed: seed, deviation: 0.3, workers: Self.settings.workers)
            let prompts = try prompts(parameters)
            let result: PathWalkResult
            do {
                result = try freeWalk().find(parameters, name: "random", prompts, settings: Self.settings)
            } catch is NoCircuit {
                continue
            }
            let behaviour = result.behaviour.repeatedTokens
            let movers = result.circuit.classes[0].heads
            var found: [Head: (name: String, position: String)] = [:]
            var paths: Set<String> = []
            // The class that each receiver is.
            var listeners = ["logits": "logits"]
            for headClass in result.circuit.classes {
                let heads = headClass.heads.map(\.description).joined(separator: ",")
                for input in ["q:\(heads)@END", "k:\(heads)@S2", "v:\(heads)@S2"] { listeners[input] = headClass.name }
                for input in ["k:\(heads)@S1+1", "v:\(heads)@S1+1"] { listeners[input] = headClass.name }
            }
            var before: Set<Head> = []
            // Those that lower the difference themselves and attend to S2 more than to IO, if they are not all.
            let lowering = result.steps[0].map.passing(0.01, bothSigns: false).map(\.0)
            let attention = result.behaviour.prompts
            var inhibitors = lowering.filter {
                attention.endToS2[$0.layer][$0.index] > attention.endToIO[$0.layer][$0.index]
            }
            if inhibitors.count == lowering.count { inhibitors = [] }
            direct += inhibitors.count
            for step in result.steps {
                let receiver = step.receiver.description
                let name = try #require(listeners[receiver], "\(receiver)")
                let position = receiver == "logits" ? "END" : String(receiver.split(separator: "@")[1])
                let isFirst = before.isEmpty
                #expect(
                    step.knockedOut == (name == "backup name mover" || (name == "logits" && !isFirst) ? movers : []))
                if step.knockedOut.isEmpty {
                    let cells = parameters.config.allHeads.map { [Node.head($0)] }
                    let measures = try PathPatching(cells: cells, receivers: [step.receiver]).measure(
                        parameters, prompts, settings: Self.settings
                    )
                    let effects = PatchEffects(measures, seed: 0, workers: Self.settings.workers)
                    #expect(step.map.cells == effects.cells)
                }
                #expect(step.map.original == result.steps[0].map.original)

                let onlyListens = ["backup name mover", "negative name mover"].contains(name)
                let passing = step.map.passing(0.01, bothSigns: isFirst || onlyListens)
                    .filter { !step.knockedOut.contains($0.0) }
                if isFirst { before = Set(passing.map(\.0)) }
                for (head, effect) in passing where found[head] == nil && !onlyListens {
                    let (layer, index) = (head.layer, head.index)
                    let isInduction = behaviour.induction[layer][index] > behaviour.duplicate[layer][index]
                    switch (name, position) {
                    case ("logits", _) where isFirst:
                        let name = inhibitors.contains(head) ? "S-inhibition" : "name mover"
                        found[head] = (effect < 0 ? name : "negative name mover", position)
                    case ("logits", _) where !before.contains(head): found[head] = ("backup name mover", position)
                    case ("name mover", _): found[head] = ("S-inhibition", position)
                    case (_, "S2"): found[head] = (isInduction ? "induction" : "duplicate token", position)
                    case (_, "S1+1"): found[head] = ("previous token", position)
                    default: break
                    }
                }
                let heard = passing.map(\.0).filter { found[$0]?.position == position }
                #expect(step.heard == heard.map(Node.head))
                for head in heard { paths.insert("\(found[head]!.name) \(receiver.prefix(1)) \(name)") }
            }
            #expect(Set(found.keys) == Set(result.circuit.heads))
            for headClass in result.circuit.classes {
                named.insert(headClass.name)
                for head in headClass.heads {
                    #expect(found[head]?.name == headClass.name)
                    #expect(found[head]?.position == headClass.position.description)
                }
            }
            let written = result.circuit.paths.flatMap { path in
                path.to == "logits"
                    ? ["\(path.from) l logits"] : path.inputs.map { "\(path.from) \($0.rawValue) \(path.to)" }
            }
            #expect(Set(written) == paths && written.count == paths.count)

            let unnamed = try freeWalk(attention: 1).find(parameters, name: "random", prompts, settings: Self.settings)
            for (position, name) in [(PositionName.s2, "other (S2)"), (.s1Next, "other (S1+1)")] {
                let names = unnamed.circuit.classes.filter { $0.position == .one(position) }.map(\.name)
                #expect(names.isEmpty || names == [name])
                others.formUnion(names)
            }
        }
        #expect(direct > 0 && others.contains("other (S2)"))
        #expect(named == classes)
    }

    @Test func anInterruptedWalkGoesOn() throws {
        let fixture = PatchingFixture.all[2]
        let prompts = try prompts(fixture.parameters)
        func find(_ settings: RunSettings, _ partial: PartialResults) throws -> PathWalkResult {
            try freeWalk().find(
                fixture.parameters, name: "random", prompts, settings: settings,
                measuring: { try partial.measure($0, $1, $2) }
            )
        }
        let whole = try find(Self.settings, PartialResults(besides: nil, deciding: []))
        let partial = try PartialResults(besides: nil, deciding: [])
        let cramped = RunSettings(workers: Workers(count: 2), memory: 1)
        let asked = Counter()
        var settings = cramped
        settings.isInterrupted = { asked.next() > 30 }
        #expect(throws: PatchInterruption.self) { try find(settings, partial) }
        let resumed = try find(cramped, partial)
        #expect(resumed.circuit == whole.circuit)
        #expect(resumed.steps.map(\.heard) == whole.steps.map(\.heard))
    }
}
