import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Recipes of plans and their stages, and the runs that they make.
@Suite struct PlanTrainingTests {
    /// A stage by the plan's recipe, one by the other, one by a third.
    static func plan(recipe: TrainingRecipe?) throws -> Plan {
        try ReproductionTests.plan { plan in
            plan.training.recipe = recipe
            plan.stages = Array(plan.stages[...1])
            plan.stages[1].measure = [.init(.eval)]
            for (name, recipe) in [("other", Plan.StageRecipe.other), ("ours", .named(.plain))] {
                plan.stages.append(plan.stages[1])
                plan.stages[plan.stages.count - 1].name = name
                plan.stages[plan.stages.count - 1].recipe = recipe
            }
            plan.claims = []
        }
    }

    @Test func stagesNameTheirRecipesOrTakeThePlans() throws {
        func recipes(_ plan: Plan) -> [TrainingRecipe] { plan.stages[1...].map(plan.recipe) }
        let plan = try Self.plan(recipe: .published)
        #expect(recipes(plan) == [.published, .publishedSentences, .plain])
        let switched = plan.trained(by: .publishedSentences)
        #expect(recipes(switched) == [.publishedSentences, .published, .plain])
        #expect(recipes(try Self.plan(recipe: nil)) == [.plain, .published, .plain])
        // What was stated was stated for the plan's recipe.
        #expect(plan.training.batch == 8 && switched.training.batch == nil && switched.training.learningRate == nil)
        #expect(plan.trained(by: .published) == plan)
        #expect(try plan.dependsOnRecipe(nil) && plan.dependsOnRecipe(["other"]))
        #expect(try !plan.dependsOnRecipe(["base"]) && !plan.dependsOnRecipe(["ours"]))
    }

    @Test func settingsAreTheRecipesUnlessThePlanStatesThem() throws {
        let plan = try Self.plan(recipe: .published)
        let settings = plan.stages[1...].map { plan.settings(of: $0, epochs: [1, 2], workers: Workers(count: 2)) }
        #expect(settings.map(\.batch) == [8, 10, 32])
        #expect(settings.map(\.optimizer.learningRate) == [0.001, 1e-5, 1e-5])
        #expect(
            settings.map(\.dropout) == [0.1, 0.1, 0]
                && settings.map(\.schedule.course) == [.linear, .linear, .constant])
        #expect(settings.map(\.examples) == [.blocks(of: 128), .lines(upTo: 25), .prompts])
        #expect(settings.allSatisfy { $0.epochs == 2 && $0.savedEpochs == [1, 2] && $0.threads == 2 })
    }

    @Test func whereTheRateFallsEachNumberOfEpochsIsARun() throws {
        let plan = try Self.plan(recipe: .published)
        let runs = plan.stages.map { plan.runs(of: $0).map { "\($0.name) \($0.epochs)" } }
        #expect(runs == [[], ["clean@1 [1]", "clean@2 [2]"], ["other@1 [1]", "other@2 [2]"], ["ours [1, 2]"]])
    }

    @Test func plansWithoutRecipeAreWrittenAsBefore() throws {
        let text = try CacheKey.text(ReproductionTests.plan())
        for key in ["recipe", "note"] { #expect(!text.contains("\"\(key)\""), "\(key)") }
        #expect(text.contains("\"lr\" : 0.001") && text.contains("\"batch\" : 8"))
    }

    /// The rates that a run's steps had.
    static func rates(_ folder: URL, _ run: String?) throws -> [Double] {
        try RunFolder(folder.appendingPathComponent(#require(run))).metrics().map(\.lr)
    }

    @Test func separateRunsAreTrainedCachedAndResumed() throws {
        let model = try ReproductionTests.model()
        let plan = try Self.plan(recipe: .publishedSentences).with { plan in
            plan.training.batch = nil
            plan.stages.removeLast(2)
            plan.claims = [
                Claim(
                    name: "loss", text: "t", figure: FigurePath("clean@2/training/loss")!, rule: .init(atLeast: 0)
                )
            ]
        }
        let measures = plan.stages[0].measure.map { "\($0) of base" }
        let pieces = measures + ["train clean@1", "eval of clean@1", "train clean@2", "eval of clean@2"]
        let whole = try ReproductionTests.run(model, "whole", plan: plan)
        #expect(whole.done == pieces)
        let runs = whole.record.runs
        #expect(runs.keys.sorted() == ["clean@1", "clean@2"] && Set(runs.values).count == 2)

        // 16 prompts, 10 a step.
        let rates = try ["clean@1", "clean@2"].map { try Self.rates(model.file("whole"), runs[$0]) }
        #expect(rates.map(\.count) == [2, 4])
        for rates in rates {
            for (step, rate) in rates.enumerated() {
                let share = Double(rates.count - step) / Double(rates.count)
                #expect(abs(rate - 0.001 * share) < 1e-12)
            }
        }
        // The states of the optimizer, two thirds of a checkpoint, are of no use at the rate 0.
        let files = FileManager.default.enumerator(atPath: model.file("whole").path)!.compactMap { $0 as? String }
        #expect(files.count { $0.hasSuffix("/model.safetensors") } == 2)
        #expect(!files.contains { $0.hasSuffix("/optimizer.safetensors") })
        // The claim is on the mean over the run's steps.
        let losses = try RunFolder(model.file("whole/\(runs["clean@2"]!)")).metrics().map(\.loss)
        let measured = try #require(whole.record.claims.first?.measured)
        #expect(abs(measured.value! - losses.reduce(0, +) / 4) < 1e-12 && measured.ci95 == nil)

        for stop in [measures.count + 1, measures.count + 3] {
            let name = "stopped-\(stop)"
            #expect(throws: Reproduction.Interruption.self) {
                try ReproductionTests.run(model, name, plan: plan, stopAfter: stop)
            }
            let rest = try ReproductionTests.run(model, name, plan: plan)
            #expect(rest.kept + rest.done == pieces && rest.record.runs == runs)
            #expect(
                try ReproductionTests.results(model.file(name), rest.record)
                    == ReproductionTests.results(model.file("whole"), whole.record)
            )
        }
        // Another number of epochs is another run, and the others stay.
        let more = plan.with { $0.stages[1].epochs = [1, 2, 3] }
        #expect(try ReproductionTests.run(model, "whole", plan: more).done == ["train clean@3", "eval of clean@3"])
        // Another recipe does all of them anew.
        let others = plan.trained(by: .plain)
        let done = try ReproductionTests.run(model, "whole", plan: others)
        #expect(done.done == ["train clean", "eval of clean@1", "eval of clean@2"])
        #expect(done.record.runs.keys.sorted() == ["clean"])
        // Of checkpoints along one run, the loss is that of the steps up to the epoch.
        let first = others.with { $0.claims[0].figure = FigurePath("clean@1/training/loss")! }
        let claim = try #require(try ReproductionTests.run(model, "whole", plan: first).record.claims.first)
        let epochs = try RunFolder(model.file("whole/\(done.record.runs["clean"]!)")).metrics()
        let early = epochs.filter { $0.epoch == 1 }.map(\.loss)
        #expect(
            early.count < epochs.count && abs(claim.measured!.value! - early.reduce(0, +) / Double(early.count)) < 1e-12
        )
    }
}

extension Plan {
    fileprivate func with(_ change: (inout Plan) throws -> Void) rethrows -> Plan {
        var plan = self
        try change(&plan)
        return plan
    }
}
