import ArgumentParser
import Foundation
import IOIKit

struct CircuitValidateCommand: BoundedCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Does a circuit need each of its heads (minimality), and does it have all (completeness)?",
        discussion: """
            F(C) is the mean logit difference with everything but the circuit's heads knocked out, F(M) that of the \
            whole model; C∖K and M∖K are the circuit and the model without some of the circuit's heads K, at the \
            positions where the circuit keeps them.

            Minimality of a head v: by how much F(C∖K) changes when v goes as well, in percent of F(M), for a set K \
            without which v counts. Under 1 % a head is not shown to be needed.

            Completeness: |F(C∖K) − F(M∖K)| for many K. It is large where the model has heads for the task that the \
            circuit has not.

            ioi circuit validate --model gpt2
            ioi circuit validate --circuit found.json --minimality-sets greedy --completeness none
            ioi circuit validate --no-minimality --completeness random --random-sets 100
            ioi circuit validate --completeness greedy --objective both

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    @Option(help: ArgumentHelp("default, the circuit that belongs to the model, or a file.", valueName: "file"))
    var circuit: String?

    @OptionGroup var positions: CircuitPositionsOptions

    @Flag(name: .customLong("no-minimality"), help: "Leave minimality out.")
    var noMinimality = false

    @Option(
        help: ArgumentHelp(
            "Where K of each head comes from (default: auto).",
            discussion: """
                published: Wang et al., appendix K, for their circuit of GPT-2 small and parts of it. class: the rest \
                of the head's class. greedy: grown from the circuit's heads to make the score large. auto: published \
                for the whole published circuit, else class.
                """,
            valueName: "auto|published|class|greedy"
        )
    )
    var minimalitySets: String?

    @Option(
        help: ArgumentHelp(
            "Sets K beside the empty one: some of random,class,greedy, or none (default: all three).",
            valueName: "kinds"
        )
    )
    var completeness: String?

    @Option(help: ArgumentHelp("Random sets, each head with probability 1/2 (default: 10).", valueName: "n"))
    var randomSets: Int?

    @Option(
        help: ArgumentHelp(
            "What a greedy search for completeness makes large (default: change).",
            discussion: """
                change: |F(C∖(K∪{v})) − F(C∖K)|, of the head v that is added, as in Wang et al., appendix M. gap: the \
                score |F(C∖K) − F(M∖K)| itself, as in their released code, which adds a head only where it rises.
                """,
            valueName: "change|gap|both"
        )
    )
    var objective: String?

    @Option(help: ArgumentHelp("Greedy sets for completeness (default: 10).", valueName: "n"))
    var greedyRuns: Int?

    @Option(help: ArgumentHelp("Heads that a greedy set may get (default: 10).", valueName: "n"))
    var greedySteps: Int?

    @Option(help: ArgumentHelp("Heads that are tried at each step (default: 10).", valueName: "n"))
    var greedyCandidates: Int?

    @Option(
        help: ArgumentHelp(
            "Prompts that greedy searches measure on (default: 50); what they find is measured on all.",
            valueName: "n"
        )
    )
    var greedyPrompts: Int?

    @OptionGroup var ablation: AblationOptions
    @OptionGroup var reference: ReferenceOptions
    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var memory: MemoryOptions
    @Flag(help: .perPrompt) var perPrompt = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    var isStaged: Bool { true }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) { (try model.load(workers: workers), nil) }

    func view(_ results: ValidateResults, of experiment: ValidateExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.text(on: subject.prompting) }, csv: { results.csv }, next: "ioi heads\(model.flag)"
        )
    }

    func experiment() throws -> ValidateExperiment {
        let source = try prompts.source(defaultCount: 200)
        var options = ValidateExperiment(prompts: source)
        if let circuit, circuit != "default" { options.circuit = absolutePath(circuit) }
        options.everywhere = try positions.areEverywhere()
        options.minimality = noMinimality ? nil : try choice("--minimality-sets", minimalitySets, default: .auto)
        options.completeness = completeness == "none" ? nil : try kinds() ?? options.completeness
        options.randomSets = randomSets ?? options.randomSets
        options.objectives =
            objective == "both"
            ? Completeness.Objective.allCases : [try choice("--objective", objective, default: .change)]
        options.greedy.runs = greedyRuns ?? options.greedy.runs
        options.greedy.steps = greedySteps ?? options.greedy.steps
        options.greedy.candidates = greedyCandidates ?? options.greedy.candidates
        options.greedy.prompts = greedyPrompts ?? options.greedy.prompts
        try checkFlagsHaveUse(options)
        options.ablation = try ablation.ablation(seed: source.seed)
        options.reference = reference.abcCount
        return options
    }

    /// The sets that `--completeness` lists; nil without it.
    private func kinds() throws -> [Completeness.Kind]? {
        guard let completeness else { return nil }
        let kinds: [Completeness.Kind] = [.random, .headClass, .greedy]
        return try list(completeness).map { text in
            guard let kind = kinds.first(where: { $0.rawValue == text }) else {
                throw IOIError.usage(
                    "--completeness: found \"\(text)\", expected a list of random, class and greedy, or none"
                )
            }
            return kind
        }
    }

    /// - Throws: `IOIError` of kind `usage` where nothing is to be done, or a flag is of no use beside the others.
    private func checkFlagsHaveUse(_ options: ValidateExperiment) throws {
        guard options.minimality != nil || options.completeness != nil else {
            throw IOIError.usage("--completeness: found none beside --no-minimality, which leaves nothing to do")
        }
        if noMinimality, minimalitySets != nil {
            throw IOIError.usage("--minimality-sets: does not go with --no-minimality")
        }
        let kinds = options.completeness ?? []
        let isSearching = kinds.contains(.greedy)
        let needs: [(flag: String, isGiven: Bool, isOfUse: Bool, need: String)] = [
            ("--random-sets", randomSets != nil, kinds.contains(.random), "random in --completeness"),
            ("--objective", objective != nil, isSearching, "greedy in --completeness"),
            ("--greedy-runs", greedyRuns != nil, isSearching, "greedy in --completeness"),
        ]
        let either = isSearching || options.minimality == .greedy
        let others = [
            ("--greedy-steps", greedySteps), ("--greedy-candidates", greedyCandidates),
            ("--greedy-prompts", greedyPrompts),
        ].map { ($0, $1 != nil, either, "greedy in --completeness or --minimality-sets greedy") }
        for (flag, isGiven, isOfUse, need) in needs + others where isGiven && !isOfUse {
            throw IOIError.usage("\(flag): needs \(need)")
        }
    }
}
