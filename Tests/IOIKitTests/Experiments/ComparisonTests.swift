import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Several models on the same prompts, against the experiments on one model or two.
@Suite struct ComparisonTests: FinetuneRuns {
    static let workers = Workers(count: 2)

    /// A model with a circuit, a run with checkpoints after epochs 1 and 3, and another model.
    static let trained: (model: TemporaryModel, other: TemporaryModel) = {
        let model = try! TemporaryModel()
        try! TemporaryModel.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        _ = try! start(model, "run", heldOut: nil, settings: settings { $0.epochs = 3 }).train()
        return (model, try! TemporaryModel(seed: 4))
    }()
    static var names: [String] { [trained.model.model.path, trained.model.file("run").path, trained.other.model.path] }

    static func compare(_ comparison: Comparison, _ names: [String] = names) throws -> ComparisonResults {
        let models = try ComparedModel.find(names)
        try comparison.check(models)
        return try comparison.run(
            models, on: comparison.dataset(for: models), hashing: true, Work(RunSettings(workers: workers))
        ) { try GPT2($0.location, workers: workers) }
    }

    @Test func aRunStandsForItsCheckpoints() throws {
        let models = try ComparedModel.find(Self.names)
        let folders = [Self.trained.model, Self.trained.other].map(\.model.path)
        // Two models are called "model".
        #expect(models.map(\.label) == [folders[0], "run/epoch-001", "run/epoch-003", folders[1]])
        func problem(_ names: [String]) -> IOIError? {
            do {
                _ = try ComparedModel.find(names)
                return nil
            } catch { return error as? IOIError }
        }
        let (base, run) = (Self.names[0], Self.names[1])
        #expect(problem([base])?.description == "found one model, expected a model to compare with and others")
        #expect(
            problem([base, run, "\(run)/checkpoints/epoch-003"])?.description
                == "found run/epoch-003 twice, expected each model once")
        #expect(
            problem([run, base])?.description.hasPrefix("\(run): found a fine-tuning run, expected the model") == true)
        #expect(problem([base, base])?.kind == .usage)
        let empty = TemporaryModel.fresh()
        try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: "\(run)/config.json"), to: empty.appendingPathComponent("config.json"))
        #expect(
            problem([base, empty.path])?.description == "\(empty.path): found a run without checkpoints, expected one")
    }

    @Test func figuresAreThoseOfTheExperiments() throws {
        var source = PromptSource(count: 12)
        source.seed = 5
        let comparison = Comparison(prompts: source, measures: Comparison.Measure.allCases)
        let results = try Self.compare(comparison)
        let models = try ComparedModel.find(Self.names).map { try GPT2($0.location, workers: Self.workers) }
        // A new one for each run: its partial results are one run's.
        var work: Work { Work(RunSettings(workers: Self.workers), perPrompt: true) }
        #expect(try results.models.map(\.sha256) == models.map { try $0.sha256() })

        let evaluations = try models.map { model -> Evaluation in
            let experiment = EvaluationExperiment(prompts: source)
            guard case .ioi(let found) = try experiment.run(on: Subject(of: experiment, model), work) else {
                throw IOIError("no IOI")
            }
            return found
        }
        let eval = try #require(results.evaluation)
        #expect(eval.figures.map(\.name) == ["logit_difference", "accuracy", "top1", "io_probability", "loss"])
        #expect(eval.test.family == 15 && eval.test.isExact && eval.test.permutations == 4096)
        let estimates: [(Evaluation.Summary) -> Estimate] = [
            \.logitDifference, \.accuracy, \.top1, \.ioProbability, \.loss,
        ]
        var pValues: [Double] = []
        for (figure, estimate) in zip(eval.figures, estimates) {
            #expect(figure.models.count == 4)
            for (row, evaluation) in zip(figure.models, evaluations) {
                #expect(row.estimate.value == estimate(evaluation.all).value)
                #expect(row.estimate.ci95 == estimate(evaluation.all).ci95)
            }
            #expect(figure.models[0].change == nil && figure.models[0].p == nil && figure.models[0].holm == nil)
            pValues += figure.models.compactMap(\.p)
        }
        let differences = try evaluations.map { try #require($0.perPrompt).map(\.logitDifference) }
        for (index, row) in eval.figures[0].models.enumerated().dropFirst() {
            let changes = zip(differences[index], differences[0]).map { $0 - $1 }
            #expect(abs(row.change!.mean - changes.mean) < 1e-12 && changes.mean != 0)
            let interval = Bootstrap.interval(ofMean: changes, seed: 5)!
            #expect(row.change!.ci95 == [interval.lowerBound, interval.upperBound])
            let observed = abs(changes.reduce(0, +)) - 1e-9
            let reached = (0..<4096).count { flips in
                abs(changes.indices.reduce(0.0) { $0 + (flips >> $1 & 1 == 1 ? -1 : 1) * changes[$1] }) >= observed
            }
            #expect(row.p == Double(reached) / 4096)
        }
        let holm = Holm.adjusted(pValues)
        #expect(eval.figures.flatMap { $0.models.compactMap(\.holm) } == holm && holm != pValues)

        let faithfulness = try models.enumerated().map { index, model in
            var experiment = FaithfulnessExperiment(prompts: source)
            experiment.circuit = models[0].location.circuitFile.path
            return try experiment.run(on: Subject(of: experiment, model), work).faithfulness
        }
        let found = try #require(results.faithfulness)
        #expect(found.figures.map(\.name) == ["model", "circuit", "ratio"])
        for (index, expected) in faithfulness.enumerated() {
            #expect(found.figures[0].models[index].estimate == expected.model)
            #expect(found.figures[1].models[index].estimate == expected.circuit)
            #expect(found.figures[2].models[index].estimate == expected.ratio)
            #expect(found.figures[2].models[index].note == expected.note)
            guard index > 0 else { continue }
            let change = try #require(found.figures[2].models[index].change)
            #expect(abs(change.mean - (expected.ratio.mean - faithfulness[0].ratio.mean)) < 1e-12)
        }

        var experiment = HeadsExperiment(prompts: source)
        experiment.analyses = [.attribution, .scatter, .copying]
        for index in 1..<4 {
            let expected = try experiment.run(on: Subject(of: experiment, models[0], donor: models[index]), work)
            let comparison = try #require(expected.comparison)
            let heads = try #require(results.heads?.models[index])
            #expect(heads.change == comparison.attributionChange && heads.transitions == comparison.transitions)
            #expect(heads.attribution == expected.donor?.attribution?.heads)
            let patterns = try #require(results.patterns?[index - 1])
            #expect(patterns.distance == comparison.patternDistance)
            let mean = comparison.patternDistance.value.joined().compactMap { $0 }.mean
            #expect(abs(patterns.mean.mean - mean) < 1e-12 && mean > 0)
        }
        #expect(results.heads?.test.family == 24 && results.heads?.models[0].change == nil)
        let read = try JSONDecoder().decode(
            ComparisonResults.self, from: JSONEncoder.readable.encode(results))
        #expect(read == results)
    }

    @Test func otherTasksHaveTheirOwnFigures() throws {
        var source = PromptSource(count: 6)
        source.dataset = "agreement"
        let fixture = try TemporaryModel(
            knowing: source.data(
                for: GPT2(ModelLocation(folder: DataDirectory.file("embedded")), workers: Self.workers)
            ).lines)
        let other = try TemporaryModel(
            seed: 2,
            knowing: source.data(
                for: GPT2(ModelLocation(folder: DataDirectory.file("embedded")), workers: Self.workers)
            ).lines)
        let results = try Self.compare(
            Comparison(prompts: source, measures: [.evaluation, .heads]), [fixture.model.path, other.model.path])
        #expect(results.evaluation?.figures.map(\.name).first == "probability_difference")
        #expect(results.evaluation?.figures.map(\.name).last == "loss")
        #expect(results.heads?.models.count == 2 && results.faithfulness == nil && results.patterns == nil)
    }

    @Test func modelsThatDoNotFitAreNamedBeforeAnyWork() throws {
        let deep = try TemporaryModel(layers: 3)
        let names = [Self.names[0], deep.model.path]
        let error = #expect(throws: IOIError.self) {
            try Self.compare(Comparison(prompts: PromptSource(count: 2), measures: [.patterns]), names)
        }
        #expect(
            error.map(\.description)?.contains("n_layer: found 3, expected 2 as in") == true,
            "\(String(describing: error))")
        #expect(try Self.compare(Comparison(prompts: PromptSource(count: 2)), names).models.count == 2)
        let words = try TemporaryModel(knowing: ["entirely unknown vocabulary"])
        let vocabulary = #expect(throws: IOIError.self) {
            try Self.compare(Comparison(prompts: PromptSource(count: 2)), [Self.names[0], words.model.path])
        }
        #expect(vocabulary.map(\.description)?.contains(": vocabulary: ") == true, "\(String(describing: vocabulary))")
    }
}
