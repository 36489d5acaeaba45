import ArgumentParser
import Foundation
import IOIKit

struct HeadsCommand: BoundedCommand {
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
    @OptionGroup var memory: MemoryOptions
    @Flag(help: .perPrompt) var perPrompt = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    var isStaged: Bool { true }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        (try model.load(workers: workers), try donor.map { try ModelOptions.load(donor: $0, workers: workers) })
    }

    func view(_ results: HeadsResults, of experiment: HeadsExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.text(on: subject.prompting, all: all) }, csv: { results.csv },
            next: results.next(donor: donor, model: model.flag)
        )
    }

    func experiment() throws -> HeadsExperiment {
        let source = try prompts.source(defaultCount: 128)
        var options = HeadsExperiment(prompts: source)
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
        options.perPrompt = perPrompt ? .all : nil
        options.ablation = try ablation.ablation(seed: source.seed)
        return options
    }
}
