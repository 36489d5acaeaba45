import ArgumentParser
import Foundation
import IOIKit

struct PatchCommand: BoundedCommand {
    static let configuration = CommandConfiguration(
        commandName: "patch",
        abstract: "Replace values inside a run and see what the logit difference makes of it.",
        discussion: """
            --mode activation  A site's value from the run on the prompt's ABC partner, in which no name repeats: what \
            does the site carry? A map of layers and heads, or of layers and positions.

            --mode path  What reaches the receivers from each head or MLP, through MLPs alone: who talks to whom? \
            Effects are on the logit difference; a head that helps has a negative one.

            --mode cross-model  A head's pattern, output or inputs from another model on the same prompt: what did \
            fine-tuning change? The share of the gap between the two models that comes over, for every head, for a \
            circuit and its classes, for everything outside it, and for random sets like it.

            Effects are in percent of the unpatched mean logit difference, with 95 % bootstrap intervals.

            ioi patch --mode activation --site z --position END
            ioi patch --mode activation --site resid_pre --position IO,S1,S2,END
            ioi patch --mode path --receiver logits
            ioi patch --mode path --receiver q:9.9,9.6,10.0@END --receiver v:7.9@S2
            ioi patch --mode path --knockout 9.9@END,9.6@END,10.0@END
            ioi patch --mode cross-model --donor runs/clean/checkpoints/epoch-025 --component pattern --direction both

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    enum Mode: String, CaseIterable {
        case activation, path
        case crossModel = "cross-model"
    }

    @Option(help: ArgumentHelp("What is patched from where.", valueName: "activation|path|cross-model"))
    var mode: String

    @Option(
        help: ArgumentHelp(
            "activation: what is replaced (default: z).",
            discussion: """
                Each head's z, pattern, q, k, v or result; or a layer's resid_pre (also resid), resid_mid, resid_post, \
                attn_out (attn), mlp_out (mlp).
                """,
            valueName: "site"
        )
    )
    var site: String?

    @Option(
        help: ArgumentHelp(
            "activation, cross-model: IO, S1, S1+1, S2, END or all.",
            discussion: """
                Sites that heads have are replaced at all the positions of a list at once; others at each alone, a \
                column for each; cross-model takes one. Default: END for heads, each class for others, all for \
                cross-model.
                """,
            valueName: "END,S2"
        )
    )
    var position: String?

    @Flag(help: "activation: patch the ABC partner's run with the prompt's values, not the other way round.")
    var denoise = false

    @Option(help: ArgumentHelp("path: who sends (default: heads).", valueName: "heads|mlps"))
    var sender: String?

    @Option(
        help: ArgumentHelp(
            "path: where paths end (default: logits). May be given several times.",
            discussion: """
                logits, heads' inputs at a position as in "q:9.9,9.6,10.0@END", "v:7.3,7.9@S2" or "k:5.5@S1+1", or a \
                file with one of these a line. With logits among them the others change nothing, because the recorded \
                residual stream stands for all that comes before the logits.
                """,
            valueName: "receiver"
        )
    )
    var receiver: [String] = []

    @Option(
        help: ArgumentHelp(
            "path: MLPs between sender and receivers (default: recompute).", valueName: "recompute|freeze"))
    var pathMlp: String?

    @Option(
        help: ArgumentHelp(
            "path: the scales of LayerNorms up to the receivers' own (default: recompute).",
            valueName: "recompute|freeze"
        )
    )
    var pathLn: String?

    @Option(
        help: ArgumentHelp(
            "path: heads that are knocked out in every run, as in 9.9@END,9.6@END; for finding backups.",
            valueName: "heads"
        )
    )
    var knockout: String?

    @OptionGroup var ablation: AblationOptions

    @Option(help: ArgumentHelp("cross-model: the model that values come from.", valueName: "name|dir"))
    var donor: String?

    @Option(
        help: ArgumentHelp(
            "cross-model: pattern, z, result, or of q, k and v any, as in q,k (default: z).", valueName: "site"))
    var component: String?

    @Option(
        help: ArgumentHelp(
            "cross-model: which of --model (the host) and --donor is patched (default: donor-to-host).",
            valueName: "donor-to-host|host-to-donor|both"
        )
    )
    var direction: String?

    @Option(
        help: ArgumentHelp(
            "cross-model: a circuit file, default or none (default: default, where the model's shape has one).",
            valueName: "file"
        )
    )
    var circuit: String?

    @Option(help: ArgumentHelp("cross-model: random sets to compare the circuit with (default: 20).", valueName: "n"))
    var randomSets: Int?

    @Option(
        help: ArgumentHelp(
            "The effect of the means, or the mean of each prompt's effect (default: ratio-of-means).",
            valueName: "ratio-of-means|mean-of-ratios"
        )
    )
    var aggregate: String?

    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var memory: MemoryOptions
    @Flag(help: .perPrompt) var perPrompt = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    func experiment() throws -> PatchExperiment {
        let mode = try chosenMode()
        let source = try prompts.source(defaultCount: 200)
        return PatchExperiment(
            mode: try options(mode, seed: source.seed), prompts: source,
            aggregation: try choice("--aggregate", aggregate, default: .ratioOfMeans)
        )
    }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        (try model.load(workers: workers), try donor.map { try ModelOptions.load(donor: $0, workers: workers) })
    }

    func complete(_ experiment: inout PatchExperiment, for model: GPT2) throws {
        guard case .crossModel(var options) = experiment.mode else { return }
        options.circuit = try circuitName(for: model.location)
        experiment.mode = .crossModel(options)
    }

    func view(_ results: PatchResults, of experiment: PatchExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.text(experiment, on: subject.prompting) }, csv: { results.csv },
            next: results.next(experiment, donor: donor, model: model.flag)
        )
    }

    /// The mode, once no flag of another one is given.
    private func chosenMode() throws -> Mode {
        guard let mode = Mode(rawValue: mode) else {
            let modes = Mode.allCases.map(\.rawValue).joined(separator: ", ")
            throw IOIError.usage("--mode: found \"\(mode)\", expected one of \(modes)")
        }
        let flags: [(String, Bool, [Mode])] = [
            ("--site", site != nil, [.activation]), ("--position", position != nil, [.activation, .crossModel]),
            ("--denoise", denoise, [.activation]), ("--sender", sender != nil, [.path]),
            ("--receiver", !receiver.isEmpty, [.path]), ("--path-mlp", pathMlp != nil, [.path]),
            ("--path-ln", pathLn != nil, [.path]), ("--knockout", knockout != nil, [.path]),
            ("--donor", donor != nil, [.crossModel]), ("--component", component != nil, [.crossModel]),
            ("--direction", direction != nil, [.crossModel]), ("--circuit", circuit != nil, [.crossModel]),
            ("--random-sets", randomSets != nil, [.crossModel]),
        ]
        if let (flag, _, modes) = flags.first(where: { $0.1 && !$0.2.contains(mode) }) {
            let names = modes.map(\.rawValue).joined(separator: " or ")
            throw IOIError.usage("\(flag): belongs to --mode \(names), found --mode \(mode.rawValue)")
        }
        if let flag = ablation.given.first, knockout == nil {
            throw IOIError.usage("\(flag): needs --knockout, whose values it tells")
        }
        return mode
    }

    private func options(_ mode: Mode, seed: UInt64) throws -> PatchExperiment.Mode {
        switch mode {
        case .activation:
            let site = try Site.named(site ?? "z", flag: "--site", choices: Site.allCases)
            let standard: [PositionSelection] = site.isPerHead ? [.one(.end)] : PositionClass.allCases.map { .one($0) }
            let positions = try list(position).map { try ioi_cli.position("--position", $0) }
            return .activation(
                .init(site: site, positions: positions.isEmpty ? standard : positions, denoise: denoise)
            )
        case .path:
            return .path(
                .init(
                    sender: try choice("--sender", sender, default: .heads), receivers: try receivers(),
                    mlps: try choice("--path-mlp", pathMlp, default: .recompute),
                    layerNorms: try choice("--path-ln", pathLn, default: .recompute),
                    knockout: try items("--knockout", knockout),
                    ablation: try ablation.ablation(seed: seed)
                )
            )
        case .crossModel:
            guard donor != nil else {
                throw IOIError.usage("--donor: missing, expected the model that values come from")
            }
            let heads = Site.allCases.filter(\.isPerHead)
            let components = try list(component ?? "z").map {
                try Site.named($0, flag: "--component", choices: heads)
            }
            let randomSets = randomSets ?? 20
            let directions: [PatchExperiment.CrossModel.Direction] =
                direction == "both"
                ? [.donorToHost, .hostToDonor] : [try choice("--direction", direction, default: .donorToHost)]
            return .crossModel(
                .init(
                    components: components,
                    position: try position.map { try ioi_cli.position("--position", $0) } ?? .all,
                    directions: directions, circuit: circuit, randomSets: randomSets
                )
            )
        }
    }

    /// The receivers, those in files included.
    private func receivers() throws -> [Receiver] {
        try (receiver.isEmpty ? ["logits"] : receiver).flatMap { text in
            if let receiver = Receiver(text) { return [receiver] }
            guard FileManager.default.fileExists(atPath: text) else {
                throw IOIError.usage(
                    "--receiver: found \"\(text)\", expected \(Receiver.form), or a file of such lines")
            }
            return try Receiver.list(contentsOf: URL(fileURLWithPath: text))
        }
    }

    /// The circuit whose sets are patched as well; nil for none.
    private func circuitName(for location: ModelLocation) throws -> String? {
        switch circuit {
        case "none": return nil
        case nil:
            // Where no circuit belongs to the model, the map alone is what can be measured.
            guard DataDirectory.circuit(of: location) == nil else { return "default" }
            if !common.quiet {
                Terminal.say("no circuit belongs to this model: no sets of heads (--circuit FILE)")
            }
            return nil
        case "default"?: return "default"
        case .some(let path): return absolutePath(path)
        }
    }
}

extension Site {
    /// - Throws: `IOIError` of kind `usage` where no choice has this name.
    static func named(_ name: String, flag: String, choices: [Site]) throws -> Site {
        let short: [String: Site] = ["resid": .residPre, "attn": .attnOut, "mlp": .mlpOut]
        guard let site = Site(rawValue: name) ?? short[name], choices.contains(site) else {
            let names = choices.map(\.rawValue).joined(separator: ", ")
            throw IOIError.usage("\(flag): found \"\(name)\", expected one of \(names)")
        }
        return site
    }
}
