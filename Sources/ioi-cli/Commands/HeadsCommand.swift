import ArgumentParser
import Foundation
import IOIKit

struct HeadsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heads",
        abstract: "What each head does: attribution, attention, copying, spectra, and a class with its evidence.",
        discussion: """
            dla         What each head, MLP, bias and embedding adds itself to the logit difference at END.
            scatter     Attention from END to a name against what is written along that name, with Pearson's ρ.
            copying     How often a name that a head attends to would be among its five largest logits.
            ov          The eigenvalue score Σλ / Σ|λ| of the OV circuit, and its singular values.
            inhibition  The logit difference with z at END from the prompt whose S2 is IO, and from the ABC partner.
            repeated    Attention on random tokens that stand twice: previous token, duplicate token, induction.
            backup      What heads send to the logits once the name movers are knocked out at END.

            From these each head gets a class, by thresholds that are flags. With --donor the same is done for another \
            model of the same shape, such as a fine-tuned one, and the two are compared: patterns at END, weights, \
            attribution, classes, and whether name movers and negative name movers change together.

            ioi heads
            ioi heads --analyses dla,copying --all
            ioi heads --donor runs/clean/checkpoints/epoch-025 --out heads.json --per-prompt

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    @Option(help: ArgumentHelp("Another model to compare with.", valueName: "name|dir"))
    var donor: String?

    @Option(help: ArgumentHelp("Which analyses (default: all).", valueName: "dla,copying"))
    var analyses: String?

    @Option(
        help: ArgumentHelp(
            "The circuit whose name movers are knocked out: default or a file (default: default).",
            discussion:
                "Where no circuit belongs to the model, they are those found by attribution, attention and copying.",
            valueName: "file"
        )
    )
    var circuit: String?

    @Flag(help: "Show every head's figures, in place of those that do something and why.")
    var all = false

    @OptionGroup(title: "Classes") var criteria: HeadCriteriaOptions
    @OptionGroup var ablation: AblationOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var patching: PatchRunOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let settings = try patching.settings(workers: workers)
        let options = try options()
        let model = try model.load(workers: workers)
        let donor = try donor.map { try ModelOptions.load(donor: $0, workers: workers) }
        let job = try HeadsJob(options, model: model, donor: donor)
        let dataset = try options.prompts.prompts(for: model)
        let measurement = Measurement(
            command: "heads", options: options, started: started, workers: workers, output: output,
            isQuiet: common.quiet, isStaged: true
        )
        try measurement.run(model, donor: donor, dataset) { partial, progress in
            try job.run(
                model, donor: donor, dataset, settings: settings, partial: partial, progress: progress
            )
        } csv: {
            $0.csv
        } text: {
            $0.text(dataset, all: all)
        } next: {
            $0.next(donor: self.donor, model: self.model.flag)
        }
    }

    private func options() throws -> HeadsOptions {
        let source = try prompts.source(defaultCount: 128)
        var options = HeadsOptions(prompts: source)
        if let analyses {
            options.analyses = try list(analyses).map { try choice("--analyses", $0, default: .attribution) }
        }
        let patchesBackups = options.analyses.contains(.backup)
        guard circuit == nil || patchesBackups else {
            throw IOIError.usage("--circuit: needs backup among --analyses, for which its name movers are knocked out")
        }
        if let flag = ablation.given.first, !patchesBackups {
            throw IOIError.usage("\(flag): needs backup among --analyses, which knocks out name movers")
        }
        if let circuit, circuit != "default" { options.circuit = absolutePath(circuit) }
        options.criteria = try criteria.criteria()
        options.perPrompt = patching.perPrompt ? .all : nil
        options.ablation = try ablation.ablation(seed: source.seed)
        return options
    }
}
