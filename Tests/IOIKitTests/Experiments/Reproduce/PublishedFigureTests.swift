import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PublishedFigureTests {
    static func read(_ text: String) throws -> PublishedFigure {
        try JSONDecoder().decode(PublishedFigure.self, from: Data(text.utf8))
    }

    @Test(arguments: [
        "\"96 %\"", "{\"source\":\"a paper\",\"value\":0.96}", "{\"source\":\"a log\",\"unit\":\"nats\",\"value\":0.5}",
        "{\"map\":[[1,2],[3,4]],\"source\":\"a notebook\"}", "{\"source\":\"a paper\",\"text\":\"about half\"}",
    ])
    func isWrittenAsItWasRead(_ text: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(String(decoding: try encoder.encode(Self.read(text)), as: UTF8.self) == text)
    }

    @Test func isShownInTheFiguresUnit() throws {
        #expect(try Self.read("\"96 %\"").text(.share) == "96 %")
        #expect(try Self.read("{\"value\": 0.96}").text(.share) == "96.0 %")
        #expect(try Self.read("{\"value\": 0.96, \"unit\": \"nats\"}").text(.number) == "0.96 nats")
        #expect(try Self.read("{\"value\": 0.96, \"text\": \"96 of 100\"}").text(.share) == "96 of 100")
        #expect(try Self.read("{\"map\": [[1, 2, 3], [4, 5, 6]]}").text(.percent) == "a map of 2 × 3 heads")
    }

    /// A decision on a claim with the published figure 5.
    static func decision(_ measured: Estimate?, isOfGPT2: Bool = true) -> ReproductionRecord.Decision {
        var claim = ClaimTests.claim(.init(atLeast: 1))
        claim.published = PublishedFigure(value: 5, source: "a paper")
        return .init(claim, measured: measured, other: nil, isOfGPT2: isOfGPT2)
    }

    @Test func theDifferenceIsOfFiguresOfTheSameModel() throws {
        let measured = Estimate(value: 3.5, ci95: [3, 4])
        let decision = Self.decision(measured)
        #expect(decision.publishedDifference == -1.5 && decision.verdict == .shown)
        #expect(decision.differenceText == FigureFormat.number.text(-1.5))
        #expect(Self.decision(Estimate(value: 5.25)).differenceText == "+0.25")
        #expect(try CacheKey.text(decision).contains("\"published_difference\" : -1.5"))
        let other = Self.decision(measured, isOfGPT2: false)
        #expect(other.publishedDifference == nil && other.differenceText.isEmpty)
        #expect(try !CacheKey.text(other).contains("published_difference"))
        #expect(Self.decision(nil).publishedDifference == nil)
        var nearer = decision.claim
        nearer.rule = .init(of: FigurePath("base/eval/logit_difference")!, relation: .nearer)
        let verdicts = [true, false].map {
            ReproductionRecord.Decision(nearer, measured: measured, other: Estimate(value: 2), isOfGPT2: $0).verdict
        }
        #expect(verdicts == [.shown, .meaningless])
        #expect(Self.decision(Estimate(value: 4, isMeaningless: true)).publishedDifference == nil)
    }

    /// A plan with a map claim on the tiny model, which has two layers of four heads.
    static func plan(map: [[Double]], _ change: (inout Plan) -> Void = { _ in }) throws -> Plan {
        try ReproductionTests.plan { plan in
            plan.stages = [plan.stages[0], plan.stages[1]]
            plan.stages[0].measure = [.init(.direct)]
            plan.stages[1].epochs = [1]
            plan.stages[1].measure = [.init(.patterns)]
            plan.claims = ["clean@1/patterns/donor-to-host/effect", "base/direct/effect"].map {
                var claim = Claim(name: $0, text: "t", figure: FigurePath($0)!, rule: .init(atLeast: -1))
                claim.published = PublishedFigure(map: map, source: "a notebook")
                return claim
            }
            change(&plan)
        }
    }

    @Test func mapsAreHeldAgainstPublishedOnesByRank() throws {
        let model = try ReproductionTests.model()
        let map = [[5, -1, 2, 0.5], [3, -4, 0.25, 8]]
        let plan = try Self.plan(map: map)
        let record = try ReproductionTests.run(model, plan: plan).record
        for (decision, measure) in zip(record.claims, [Plan.Measure.Kind.patterns, .direct]) {
            let file = try #require(record.measurements.first { $0.measure.kind == measure }).file
            let document = try InputFile.decode(
                ResultsDocument<PatchExperiment, PatchResults>.self, from: model.file("run/\(file)")
            )
            let measured: PatchMap =
                switch document.results {
                case .map(let map): map
                case .directions(let directions): directions["donor-to-host"]!.map
                }
            // Spearman's for values that are all different: 1 − 6 Σd² / (n (n² − 1)).
            let (a, b) = (measured.effects.joined().map { $0! }, Array(map.joined()))
            let squares = a.indices.reduce(0.0) { sum, i in
                let d = Double(a.count { $0 < a[i] } - b.count { $0 < b[i] })
                return sum + d * d
            }
            let rho = 1 - 6 * squares / (8 * 63)
            #expect(abs(decision.measured!.value! - rho) < 1e-9, "\(measure)")
            #expect(decision.valueText == "ρ \(FigureFormat.number.text(rho))")
            let interval = try #require(decision.measured?.ci95)
            #expect(interval[0] <= rho && rho <= interval[1])
            #expect(decision.claim.ruleText.contains("rank correlation with the published map"))
        }
        // Single heads of either map.
        let heads = try Self.plan(map: map) { plan in
            plan.claims = ["clean@1/patterns/donor-to-host/effect/1.2", "base/direct/effect/1.2"].map {
                Claim(name: $0, text: "t", figure: FigurePath($0)!, rule: .init(atLeast: -1000))
            }
        }
        let claims = try ReproductionTests.run(model, plan: heads).record.claims
        #expect(claims.map(\.verdict) == [.shown, .shown] && claims.allSatisfy { $0.measured?.ci95 != nil })
        #expect(claims[0].valueText.hasSuffix(" %"))
    }

    /// Before anything is written.
    @Test func whatDoesNotFitTheModelIsNamed() throws {
        let model = try ReproductionTests.model()
        func fault(_ plan: Plan) -> String? {
            #expect(throws: IOIError.self) { try ReproductionTests.run(model, "never", plan: plan) }?.description
        }
        #expect(
            fault(try Self.plan(map: [[1, 2, 3], [4, 5, 6]]))
                == "plan tiny: claims[0].published.map: found 2 × 3 heads, expected 2 × 4, all of the model"
        )
        let head = try Self.plan(map: [[1, 2, 3, 4], [5, 6, 7, 8]]) {
            $0.claims[1].figure = FigurePath("base/direct/effect/9.9")!
        }
        #expect(fault(head) == "plan tiny: claims[1].figure: found head 9.9, expected 0.0 to 1.3 in this model")
        let blocks = try Self.plan(map: [[1, 2, 3, 4], [5, 6, 7, 8]]).trained(by: .published)
        #expect(fault(blocks) == "stage \"clean\": block: found 128, expected 2 to 48")
        #expect(!FileManager.default.fileExists(atPath: model.file("never").path))
    }
}
