import ArgumentParser
import Foundation
import IOIKit

struct CompareCommand: ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare several models with one: a row a model, differences with intervals and corrected p-values.",
        discussion: """
            All models are measured on the same prompts, one loaded at a time. A fine-tuning run stands for its \
            checkpoints in their order. eval compares predictions; faithfulness what BASE's circuit preserves of each \
            model, F(C) / F(M), by ioi faithfulness' default method; heads what each head writes directly for the answer, \
            and its class; patterns how much of each head's attention from END is elsewhere than in BASE (total variation \
            distance). Differences are paired by prompt and have 95 % bootstrap intervals. p-values are those of a paired \
            permutation test, in which two models trade values prompt by prompt (for means: a sign-flip test of the \
            differences), after Holm's correction over all comparisons of a measure. A distance is never below 0, so \
            patterns are not tested.

            ioi compare gpt2 runs/clean runs/name-moving
            ioi compare embedded runs/clean --measure eval,heads --count 500 --chart compare.svg
            ioi compare gpt2 runs/a/checkpoints/epoch-003 runs/b/checkpoints/epoch-003 --measure faithfulness,patterns
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The model to compare with, then others: names, model folders, or folders of fine-tuning runs.",
            valueName: "base run"
        ),
        completion: .models
    )
    var models: [String]

    struct Measurement: ParsableArguments {
        @Option(help: ArgumentHelp("What to compare, separated by commas.", valueName: "eval,heads"))
        var measure = List([Comparison.Measure.evaluation])

        @Option(
            help: ArgumentHelp(
                "The circuit whose faithfulness is measured: default (BASE's own), a file or a name.",
                valueName: "file|name"
            ),
            completion: .circuits
        )
        var circuit = "default"
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<CompareCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    private struct Document: Encodable {
        let schema = "ioi/1"
        let command = Comparison.name
        let options: Comparison
        let model: ModelRecord
        let dataset: DatasetRecord
        let environment: EnvironmentRecord
        let seconds: Double
        let results: ComparisonResults
    }

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let settings = try memory.settings(workers: workers)
        let measures = measurement.measure.items
        let measuresCircuit = measures.contains(.faithfulness)
        var comparison = Comparison(prompts: try prompts.source(), measures: measures)
        comparison.circuit = try Circuit.recordedName(measurement.circuit)
        try comparison.validate()
        try Given.refuse([
            (["--circuit", "--memory"], !measuresCircuit, "needs faithfulness among --measure"),
            (
                ["--abc"], comparison.counterfactuals == .none,
                "has no effect, because counterfactuals are not used"
            ),
        ])
        let found = try ComparedModel.find(models)
        try drawing.check()
        let outputs = try output.open([("--chart", drawing.chart)])
        try comparison.check(found)
        if measuresCircuit { try comparison.checkCircuit(found[0]) }
        let dataset = try comparison.dataset(for: found)
        try Given.refuse(dataset.idle)
        if !common.quiet {
            report(dropped: dataset.dropped, irregular: dataset.irregular)
            if let note = dataset.counterfactualNote(for: comparison.counterfactuals) { Terminal.say(note) }
        }
        var work = Work(settings)
        let progress = ProgressLine(Comparison.name, total: 1000, isQuiet: common.quiet)
        work.progress = { progress.show(Int($0 * 1000)) }
        Interrupt.listen()
        var loaded = 0
        let results: ComparisonResults
        do {
            defer { progress.clear() }
            results = try comparison.run(found, on: dataset, hashing: output.holdsDocument, work) { model in
                progress.clear()
                loaded += 1
                Terminal.say(model.location, as: "model")
                let loaded = try GPT2(model.location, workers: workers).announced(as: "model")
                if measuresCircuit, model == found[0], comparison.circuit == "default" {
                    try ModelOptions.reportBorrowedCircuit(of: loaded)
                }
                return loaded
            }
        } catch is PatchInterruption {
            Terminal.complain("interrupted at model \(max(loaded, 1)) of \(found.count)")
            throw ExitCode(130)
        }
        let title = "\(dataset.count) \(dataset.name) prompt\(dataset.count == 1 ? "" : "s")"
        if let chart = results.chart(of: measures[0], title: title) {
            try drawing.write(to: outputs) { chart }
        }
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    Document(
                        options: comparison, model: results.models[0], dataset: DatasetRecord(dataset),
                        environment: EnvironmentRecord(workers: workers),
                        seconds: (ContinuousClock.now - started) / .seconds(1), results: results
                    )
                )
            },
            csv: { results.csv }, text: { results.printout(title: title, isNarrow: output.format == .text) },
            next: {
                results.movedHeads.map {
                    "ioi attention --mean --heads \($0) --model \(models[0].shellWord) --donor "
                        + found.last!.location.given.shellWord + prompts.flag
                }
                    ?? "ioi compare \(models.map(\.shellWord).joined(separator: " "))\(prompts.flag) --measure heads,patterns"
            }
        )
    }
}

extension Comparison.Measure: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "eval": "Logit difference, accuracy and loss.",
            "faithfulness": "F(M), F(C) and F(C) / F(M) of BASE's circuit.",
            "heads": "What each head writes for the answer, and its class.",
            "patterns": "How much of each head's attention from END is elsewhere.",
        ]
    }
}
