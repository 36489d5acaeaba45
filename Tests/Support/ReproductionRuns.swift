import Foundation
import GPT2Kit
import IOIKit
import Testing

/// Runs of a tiny plan, for the suites that need one.
package protocol ReproductionRuns {}

extension ReproductionRuns {
    private static var text: String {
        """
        {"name": "tiny", "about": "A tiny plan.", "model": "m", "prompts": {"count": 8, "seed": 1},
         "training": {"count": 16, "lr": 0.001, "batch": 8, "seed": 0},
         "walk": {"logits": 0, "queries": 0, "s2": 0, "backups": 1000},
         "stages": [{"name": "base", "measure": ["eval", "faithfulness", "surface", "mlps"]},
                    {"name": "clean", "dataset": "clean", "epochs": [1, 2],
                     "measure": ["eval", "faithfulness", "patterns", "outputs", "mlps"]},
                    {"name": "again", "from": "clean@2", "dataset": "clean", "epochs": [1], "measure": ["eval"]},
                    {"name": "extra", "dataset": "duplication", "epochs": [1], "measure": ["eval"], "extra": true}],
         "claims": [{"name": "c", "text": "It grows.", "figure": "clean@2/eval/logit_difference",
                     "rule": {"at_least": -100}},
                    {"name": "d", "text": "It falls.", "figure": "extra@1/eval/logit_difference",
                     "rule": {"at_most": -100}}]}
        """
    }

    package static func plan(_ change: (inout Plan) -> Void = { _ in }) throws -> Plan {
        var plan = try JSONDecoder().decode(Plan.self, from: Data(text.utf8))
        change(&plan)
        return plan
    }

    /// A model with a circuit of its own.
    package static func model() throws -> TemporaryModel {
        let model = try TemporaryModel()
        let circuit = try Circuit(
            model: "m", classes: [HeadClass(name: "name mover", heads: [Head(1, 0), Head(1, 2)], position: .one(.end))]
        )
        try circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        return model
    }

    /// Runs a plan and says what was done and what was there before.
    @discardableResult
    package static func run(
        _ model: TemporaryModel,
        _ name: String = "run",
        plan: Plan? = nil,
        stages: [String]? = nil,
        stopAfter: Int = .max
    ) throws -> (record: ReproductionRecord, done: [String], kept: [String]) {
        var (done, kept) = ([String](), [String]())
        let finished = Counter()
        var settings = RunSettings(workers: Workers(count: 2))
        settings.isInterrupted = { finished.count >= stopAfter }
        let job = try Reproduction(
            try plan ?? Self.plan(), in: model.file(name), model: model.load(), stages: stages, settings: settings
        )
        let record = try job.run { event in
            switch event {
            case .began(let title, let index, let total, let isDone):
                #expect(index <= total)
                if isDone { kept.append(title) }
            case .finished(let title, _):
                done.append(title)
                finished.count += 1
            case .progress(let share): #expect((0...1).contains(share))
            }
        }
        return (record, done, kept)
    }
}

/// Counts across closures that may be called from anywhere.
private final class Counter: @unchecked Sendable {
    var count = 0
}
