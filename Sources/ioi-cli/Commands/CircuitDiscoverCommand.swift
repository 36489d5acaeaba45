import ArgumentParser
import Foundation
import IOIKit

struct CircuitDiscoverCommand: BoundedCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Find the circuit of a model.",
        discussion: """
            path walks back from the logits by path patching, as the literature found the circuit of GPT-2 small: heads \
            that write to the logits, heads that their queries hear, and so on, in classes named by what they do. eap \
            scores every edge between heads, MLPs, input and logits to first order, in about the time of a few forward \
            passes, and keeps the best; eap-ig averages the gradient between the counterfactual and the prompt. acdc \
            drops one edge after the other where that changes the answer by less than a threshold; it is slow.

            ioi circuit discover --method path --save circuit.json
            ioi circuit discover --method eap-ig --edges 400 --curve --save eap.json
            ioi circuit discover --method acdc --threshold 0.02 --count 16 --out acdc.json
            ioi faithfulness --circuit eap.json --granularity edge --ablate counterfactual

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    enum Method: String, CaseIterable {
        case path, eap
        case integrated = "eap-ig"
        case acdc
    }

    @Option(help: ArgumentHelp("path, eap, eap-ig or acdc (default: path).", valueName: "method"))
    var method: String?

    @Option(help: ArgumentHelp("Write the circuit to a file that --circuit takes.", valueName: "f.json"))
    var save: String?

    @OptionGroup(title: "Path") var walk: PathWalkOptions

    @Option(help: ArgumentHelp("eap: how many edges, before those that dangle go (default: 200).", valueName: "n"))
    var edges: Int?

    @Option(
        help: ArgumentHelp(
            "eap: rank edges by the size of their score, or by what they add (default: absolute).",
            valueName: "absolute|signed"
        )
    )
    var rank: String?

    @Option(help: ArgumentHelp("eap-ig: runs that the gradient is averaged over (default: 5).", valueName: "n"))
    var steps: Int?

    @Option(
        help: ArgumentHelp(
            "eap: judge stability by circuits of so many resamples of the prompts (default: 20; 0 for not).",
            valueName: "n"
        )
    )
    var resamples: Int?

    @Flag(help: "eap: faithfulness at ten sizes from 0.1 % to all edges, with CPR and CMD.")
    var curve = false

    @Option(help: ArgumentHelp("acdc: what dropping an edge may cost (default: 0.02).", valueName: "cost"))
    var threshold: Double?

    @Option(
        help: ArgumentHelp(
            "acdc: the cost is KL divergence in nats, or logit difference (default: kl).", valueName: "kl|ld")
    )
    var metric: String?

    @OptionGroup var ablation: AblationOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var memory: MemoryOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    var isStaged: Bool { method == nil || method == "path" }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) { (try model.load(workers: workers), nil) }

    func keep(_ results: DiscoverResults, of experiment: DiscoverExperiment, on subject: Subject) throws {
        let circuit = try results.found()
        if let save { try AtomicFile.write(circuit.json, to: URL(fileURLWithPath: save)) }
    }

    func view(_ results: DiscoverResults, of experiment: DiscoverExperiment, on subject: Subject) throws -> ResultsView
    {
        let circuit = try results.found()
        return ResultsView(
            text: { results.text(circuit, on: subject.prompting, saved: save) }, csv: { results.csv(circuit) },
            next: save.map { "ioi faithfulness --circuit \($0.shellWord) --surface\(model.flag)" }
                ?? "ioi heads\(model.flag)"
        )
    }

    func experiment() throws -> DiscoverExperiment {
        let method: Method = try choice("--method", method, default: .path)
        try checkFlags(for: method)
        let source = try prompts.source(defaultCount: method == .acdc ? 16 : 200)
        var options: DiscoverExperiment
        switch method {
        case .path:
            options = DiscoverExperiment(prompts: source, method: .path(try walk.walk(seed: source.seed)))
        case .eap, .integrated:
            var attribution = DiscoverExperiment.Attribution()
            attribution.steps = method == .eap ? nil : steps ?? 5
            attribution.edges = edges ?? attribution.edges
            attribution.resamples = resamples ?? attribution.resamples
            switch rank {
            case nil, "absolute": break
            case "signed": attribution.isAbsolute = false
            case .some(let other): throw IOIError.usage("--rank: found \"\(other)\", expected absolute or signed")
            }
            attribution.curve = curve
            options = DiscoverExperiment(prompts: source, method: .attribution(attribution))
        case .acdc:
            let threshold = threshold ?? 0.02
            let metric: ACDC.Metric = try choice("--metric", metric, default: .divergence)
            options = DiscoverExperiment(prompts: source, method: .acdc(threshold: threshold, metric: metric))
        }
        if ablation.given.contains("--ablate") { options.ablation = try ablation.ablation(seed: source.seed) }
        return options
    }

    /// - Throws: `IOIError` of kind `usage` for a flag of another method.
    private func checkFlags(for method: Method) throws {
        let given: [(flag: String, isGiven: Bool, methods: [Method])] =
            [
                ("--edges", edges != nil, [.eap, .integrated]), ("--rank", rank != nil, [.eap, .integrated]),
                ("--steps", steps != nil, [.integrated]), ("--resamples", resamples != nil, [.eap, .integrated]),
                ("--curve", curve, [.eap, .integrated]), ("--threshold", threshold != nil, [.acdc]),
                ("--metric", metric != nil, [.acdc]),
            ] + ablation.given.map { ($0, true, [.eap, .integrated, .acdc]) } + walk.given.map { ($0, true, [.path]) }
        for (flag, isGiven, methods) in given where isGiven && !methods.contains(method) {
            let names = methods.map(\.rawValue).joined(separator: ", ")
            throw IOIError.usage("\(flag): does not go with --method \(method.rawValue), only with \(names)")
        }
    }
}
