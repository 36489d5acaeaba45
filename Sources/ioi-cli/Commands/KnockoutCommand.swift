import ArgumentParser
import Foundation
import IOIKit

struct KnockoutCommand: BoundedCommand {
    static let configuration = CommandConfiguration(
        commandName: "knockout",
        abstract: "Knock out heads, classes of heads or MLPs and see what is left of the logit difference.",
        discussion: """
            A head's output before W_O, or an MLP's output, is replaced by its mean over the prompts' ABC partners, in \
            which no name repeats, or by what --ablate says. Everything named is knocked out at once; with --each \
            also each thing alone.

            ioi knockout --heads 9.9@END,9.6@END,10.0@END
            ioi knockout --class "name mover" --class "S-inhibition"
            ioi knockout --heads all --position END --each
            ioi knockout --mlps 0,1 --ablate zero

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    @Option(help: ArgumentHelp("Heads, as in 9.9@END,9.6@END, or all.", valueName: "heads"))
    var heads: String?

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp(
            "A class of the circuit, at its own position. May be given several times.", valueName: "name")
    )
    var classes: [String] = []

    @Option(help: ArgumentHelp("MLPs by their layers, as in 0,3@END, or all.", valueName: "layers"))
    var mlps: String?

    @Option(help: ArgumentHelp("The circuit that has the classes: default or a file.", valueName: "file"))
    var circuit: String?

    @Option(
        help: ArgumentHelp(
            "Where: IO, S1, S1+1, S2, END or all (default: all, and a class's own).", valueName: "position"))
    var position: String?

    @Flag(help: "Knock out each of them alone as well.")
    var each = false

    @OptionGroup var ablation: AblationOptions
    @OptionGroup var reference: ReferenceOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var memory: MemoryOptions
    @Flag(help: .perPrompt) var perPrompt = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) { (try model.load(workers: workers), nil) }

    func view(_ results: KnockoutResults, of experiment: KnockoutExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.text(on: subject.prompting) }, csv: { results.csv },
            next: "ioi faithfulness --random-sets 20\(model.flag)"
        )
    }

    func experiment() throws -> KnockoutExperiment {
        let source = try prompts.source(defaultCount: 200)
        var options = KnockoutExperiment(prompts: source)
        options.heads = try selection("--heads", heads)
        options.mlps = try selection("--mlps", mlps)
        options.classes = classes
        guard heads != nil || mlps != nil || !classes.isEmpty else {
            throw IOIError.usage("expected --heads, --class or --mlps: what to knock out")
        }
        guard circuit == nil || !classes.isEmpty else {
            throw IOIError.usage("--circuit: needs --class, a class of it to knock out")
        }
        if let circuit, circuit != "default" { options.circuit = absolutePath(circuit) }
        options.position = try position.map { try ioi_cli.position("--position", $0) }
        options.each = each
        options.ablation = try ablation.ablation(seed: source.seed)
        options.reference = reference.abcCount
        return options
    }
}
