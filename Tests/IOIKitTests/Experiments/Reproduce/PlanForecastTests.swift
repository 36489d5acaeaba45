import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PlanForecastTests {
    static func forecast(_ model: TemporaryModel, _ plan: Plan, _ names: [String]? = nil) throws -> PlanForecast {
        try PlanForecast(
            plan, in: model.file("run"), model: model.load(), stages: names,
            settings: RunSettings(workers: Workers(count: 2))
        )
    }

    @Test func listsTheWorkOfARunAndDoesNone() throws {
        let model = try ReproductionTests.model()
        let plan = try ReproductionTests.plan { plan in
            plan.prompts.count = 4
            plan.stages[0].measure = [.init(.eval), .init(.direct)]
            plan.stages[1].measure = [.init(.eval), .init(.patterns)]
        }
        let before = try Self.forecast(model, plan)
        #expect(!FileManager.default.fileExists(atPath: model.file("run").path))
        #expect(before.pieces.allSatisfy { !$0.isDone && $0.seconds > 0 })
        #expect(before.secondsLeft == before.seconds)
        // Two epochs and one of 16 prompts, 8 a step.
        #expect(before.pieces.compactMap(\.steps) == [4, 2])
        let train = before.pieces.filter { $0.steps != nil }
        #expect(abs(train[0].seconds - 2 * train[1].seconds) < 1e-9 * train[0].seconds)
        // A measure takes as long for each model.
        #expect(Set(before.pieces.filter { $0.title.hasPrefix("eval") }.map(\.seconds)).count == 1)

        let run = try ReproductionTests.run(model, plan: plan, stages: ["base", "clean"])
        #expect(run.done == before.pieces.filter { $0.stage != "again" }.map(\.title))
        let after = try Self.forecast(model, plan)
        #expect(after.pieces.map(\.title) == before.pieces.map(\.title))
        #expect(after.pieces.filter(\.isDone).map(\.title) == run.done)
        let rest = after.pieces.filter { $0.stage == "again" }.reduce(0) { $0 + $1.seconds }
        #expect(abs(after.secondsLeft - rest) < 1e-9 && after.secondsLeft < after.seconds)
        #expect(try Self.forecast(model, plan, ["extra"]).pieces.map(\.title) == ["train extra", "eval of extra@1"])
    }
}
