import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ClaimTests {
    static var results: JSONValue {
        try! JSONDecoder().decode(
            JSONValue.self,
            from: Data(
                """
                {"logit_difference": {"mean": 3.5, "ci95": [3.4, 3.6], "std": 1}, "accuracy": 0.99,
                 "ratio": 1.5, "ci95": [1.25, 1.75], "ratio_note": "overshoot", "effect": [[1, 2], [3, null]],
                 "map": {"effect": [[1, 2], [3, null]], "ci95": [[[0, 1], [1, 3]], [[2, 4], null]]},
                 "eval": {"accuracy": 0.75, "ci95": {"accuracy": [0.5, 1]}},
                 "near": {"ratio": -3, "ci95": [-30, 20], "ratio_note": "meaningless"},
                 "share": {"value": [[1, 2.5], [null, 4]], "ci95": [[[0, 2], [2, 3]], [null, [3, 5]]]},
                 "sets": [{"name": "circuit", "recovered": 0.5, "recovered_ci95": [0.25, 0.75], "effect": 7, "ci95": [6, 8]}]}
                """.utf8))
    }

    static func figure(_ steps: String...) throws -> Estimate {
        try Estimate(at: steps, in: results, file: "f.json")
    }

    @Test func figuresAreFoundWithTheirIntervals() throws {
        #expect(try Self.figure("logit_difference") == Estimate(value: 3.5, ci95: [3.4, 3.6], isMeaningless: false))
        #expect(try Self.figure("ratio") == Estimate(value: 1.5, ci95: [1.25, 1.75], isMeaningless: false))
        #expect(try Self.figure("effect", "1", "0").value == 3)
        #expect(try Self.figure("effect", "1", "1").value == nil)
        #expect(try Self.figure("near", "ratio") == Estimate(value: -3, ci95: [-30, 20], isMeaningless: true))
        #expect(
            try Self.figure("sets", "circuit", "recovered")
                == Estimate(value: 0.5, ci95: [0.25, 0.75], isMeaningless: false))
        #expect(try Self.figure("sets", "circuit", "effect") == Estimate(value: 7, ci95: [6, 8], isMeaningless: false))
        #expect(try Self.figure("share", "0.1") == Estimate(value: 2.5, ci95: [2, 3], isMeaningless: false))
        #expect(try Self.figure("share", "1.0") == Estimate(value: nil, ci95: nil, isMeaningless: false))
        #expect(throws: IOIError.self) { try Self.figure("share", "2.0") }
        #expect(try Self.figure("map", "effect", "0.1") == Estimate(value: 2, ci95: [1, 3], isMeaningless: false))
        #expect(try Self.figure("map", "effect", "1.1") == Estimate(value: nil, ci95: nil, isMeaningless: false))
        #expect(throws: IOIError.self) { try Self.figure("map", "effect", "0.2") }
        #expect(throws: IOIError.self) { try Self.figure("map", "0.1") }
        #expect(FigurePath("clean@3/patterns/donor-to-host/effect/10.7")?.format == .percent)
        #expect(try Self.figure("eval", "accuracy") == Estimate(value: 0.75, ci95: [0.5, 1], isMeaningless: false))
        #expect(FigurePath("base/heads/direct_logit_attribution/share/9.9")?.format == .percent)
        #expect(FigurePath("base/heads/direct_logit_attribution/heads/9.9")?.format == .number)
        let error = #expect(throws: IOIError.self) { try Self.figure("sets", "others", "recovered") }
        #expect(
            error?.description == "f.json: results.sets.others.recovered: found nothing at others, expected a figure"
        )
    }

    static func claim(_ rule: Claim.Rule) -> Claim {
        Claim(name: "c", text: "t", figure: FigurePath("clean@1/eval/logit_difference")!, rule: rule)
    }

    @Test func boundsOfAnySizeAreWritten() {
        #expect(Self.claim(Claim.Rule(atLeast: 1e300)).ruleText == "at least 1e+300")
        #expect(Self.claim(Claim.Rule(atLeast: -3, atMost: 2.5)).ruleText == "at least -3, at most 2.5")
    }

    @Test func verdictsGoByTheWholeInterval() {
        func verdict(_ value: Double, _ ci95: [Double]?, _ rule: Claim.Rule) -> Claim.Verdict {
            Self.claim(rule).verdict(Estimate(value: value, ci95: ci95), other: nil)
        }
        let least = Claim.Rule(atLeast: 1)
        #expect(verdict(2, [1.5, 2.5], least) == .shown)
        #expect(verdict(2, [0.5, 2.5], least) == .unclear)
        #expect(verdict(0, [-0.5, 0.5], least) == .notShown)
        #expect(verdict(2, nil, least) == .shown)
        let between = Claim.Rule(atLeast: -0.2, atMost: 0.2)
        #expect(verdict(0, [-0.1, 0.1], between) == .shown)
        #expect(verdict(0.3, [0.25, 0.35], between) == .notShown)
        #expect(verdict(0.2, [0.15, 0.25], between) == .unclear)
        #expect(Self.claim(least).verdict(nil, other: nil) == .notMeasured)
        let nothing = Estimate(value: 5, ci95: [4, 6], isMeaningless: true)
        #expect(Self.claim(least).verdict(nothing, other: nil) == .meaningless)
        #expect(Self.claim(least).verdict(Estimate(value: nil, ci95: nil), other: nil) == .meaningless)
    }

    @Test func boundsMayGoWithAnotherFigure() {
        let base = FigurePath("base/eval/logit_difference")!
        func verdict(_ value: Double, other: Double?, _ rule: Claim.Rule) -> Claim.Verdict {
            let interval = [value - 0.1, value + 0.1]
            return Self.claim(rule).verdict(
                Estimate(value: value, ci95: interval), other: other.map { Estimate(value: $0, ci95: nil) }
            )
        }
        let twice = Claim.Rule(atLeast: 2, of: base)
        #expect(verdict(6.2, other: 3, twice) == .shown)
        #expect(verdict(5, other: 3, twice) == .notShown)
        #expect(verdict(5, other: nil, twice) == .notMeasured)
        let near = Claim.Rule(atLeast: -1, atMost: 1, of: base, relation: .plus)
        #expect(verdict(3.5, other: 3, near) == .shown)
        #expect(verdict(4.2, other: 3, near) == .notShown)
        let band = Claim.Rule(atLeast: 0.8, atMost: 1.2, of: base)
        #expect(verdict(-3, other: -3, band) == .shown)
        #expect(twice.text == "at least 2 × base/eval/logit_difference")
        #expect(
            near.text == "at least base/eval/logit_difference − 1, at most base/eval/logit_difference + 1"
        )
    }

    @Test func mapsAreFoundWhole() throws {
        let map = try Self.results.map(at: ["map", "effect"], file: "f.json")
        #expect(map[0] == [1, 2] && map[1][0] == 3 && map[1][1].isNaN)
        #expect(try Self.results.map(at: ["share"], file: "f.json")[0] == [1, 2.5])
        let error = #expect(throws: IOIError.self) { try Self.results.map(at: ["near"], file: "f.json") }
        #expect(error?.description == "f.json: results.near: found no map, expected a figure of each head")
    }

    @Test func theFigureMayHaveToBeNearerToThePublishedOne() {
        var claim = Self.claim(Claim.Rule(of: FigurePath("other@1/eval/logit_difference")!, relation: .nearer))
        claim.published = PublishedFigure(value: 6)
        func verdict(_ value: Double, other: Double?) -> Claim.Verdict {
            claim.verdict(
                Estimate(value: value, ci95: [value - 0.1, value + 0.1]),
                other: other.map { Estimate(value: $0, ci95: nil) }
            )
        }
        #expect(verdict(6.5, other: 7) == .shown && verdict(5.5, other: 7) == .shown)
        #expect(verdict(7.5, other: 7) == .notShown && verdict(4.5, other: 7) == .notShown)
        #expect(verdict(7, other: 5) == .unclear && verdict(6.5, other: nil) == .notMeasured)
        #expect(claim.ruleText == "nearer to 6.00 than other@1/eval/logit_difference")
    }

    @Test func pathsAreReadAndWritten() throws {
        let loss = try #require(FigurePath("clean@3/training/loss"))
        #expect(loss.measure == nil && loss.description == "clean@3/training/loss")
        let path = try #require(FigurePath("clean@3/outputs/donor-to-host/sets/circuit/recovered"))
        #expect(path.model == PlanModel(stage: "clean", epoch: 3) && path.measure == Plan.Measure(.outputs))
        #expect(path.description == "clean@3/outputs/donor-to-host/sets/circuit/recovered")
        for text in ["clean/eval/loss", "clean@0/eval/loss", "base/eval", "base/evil/loss", "base/eval//x", ""] {
            #expect(FigurePath(text) == nil, "\(text)")
        }
    }
}
