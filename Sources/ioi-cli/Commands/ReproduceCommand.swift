import ArgumentParser
import Foundation
import IOIKit

struct ReproduceCommand: SharedCommand, ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Run a plan end to end: train, measure, and test the paper's claims against the measurements.",
        discussion: """
            A plan is a file of stages. Each stage trains the model on a dataset, from the base model or from another stage, \
            and measures it after some epochs. Then each claim is decided by a rule that the plan states, and compared \
            with what was published for GPT-2 small. Built in are paper (GPT-2 small, trained as the paper's authors trained it; \
            days on a laptop's processor), paper-short (its main claims; a night), greater-than (the same questions about years, \
            the paper's appendix N), twinning (whether heads that write against each other change together, by both tasks) \
            and quick (the embedded model; minutes).

            A measure may name its own prompts: heads:greater-than is heads on held-out greater-than prompts.

            A recipe whose learning rate falls to 0 makes each number of epochs a training run of its own; with a constant \
            rate they are checkpoints of one run. The authors trained in one of two ways, published and \
            published-sentences: the plan paper trains one clean epoch by each and says which comes nearer to what they \
            published.

            Results are cached under --out by a hash of their inputs. After Ctrl-C, or a power cut, the same command \
            resumes; a changed setting repeats only what depends on it. --stages may be given in parts: the record and the \
            page have every stage that is done under --out with the same settings.

            ioi reproduce --plan quick
            ioi reproduce --plan paper --dry-run
            ioi reproduce --plan greater-than --stages base,clean
            ioi reproduce --plan paper-short --recipe published-sentences
            ioi reproduce --plan paper --stages base,clean --out runs/paper
            ioi reproduce --plan paper --stages +agreement
            ioi reproduce --plan quick --show > mine.json
            ioi reproduce --plan mine.json --model runs/clean/checkpoints/epoch-001
            ioi report runs/quick
            """
    )

    struct Measurement: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A plan's file, paper, paper-short, greater-than, twinning or quick (default: paper if the model is gpt2, else quick).",
                valueName: "name|f.json"
            ),
            completion: .file(extensions: ["json"])
        )
        var plan: String?

        @Option(
            help: ArgumentHelp(
                "The stages to run, with those they start from: names, names with + to add them to the default, or all "
                    + "(default: all that are not extra).", valueName: "a,b|+a|all"
            )
        )
        var stages: List<String>?

        @Option(help: "Train by this recipe the stages that do not name their own (default: the plan's).")
        var recipe: TrainingRecipe?

        @Flag(
            help: ArgumentHelp(
                "Do no work: list it, with the time that each piece will take on this machine.",
                discussion:
                    "A few training steps and a few prompts of each measure are timed. Nothing is written in --out."
            )
        )
        var dryRun = false

        @Flag(help: "Print the plan's file, to start one of your own from, and do nothing.")
        var show = false
    }

    struct FolderOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The run folder (default: runs/PLAN).", valueName: "run"), completion: .directory)
        var out: String?
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var folder: FolderOptions
    @OptionGroup(title: Section.output) var output: FormatOptions

    func run() throws {
        if measurement.show { return try show() }
        let workers = try common.workers()
        let settings = try memory.settings(workers: workers)
        if folder.out?.isEmpty == true { throw IOIError.invalid("out", "found an empty name, expected a folder") }
        let plan = try measurement.plan.map { try Plan.named($0) }
        var model = model
        if let plan, model.model == nil { model.model = plan.model }
        let gpt2 = try model.load(workers: workers)
        let chosen = try switched(plan ?? Plan.named(gpt2.location.name == "gpt2" ? "paper" : "quick"))
        if (chosen.circuit ?? "default") == "default" { try ModelOptions.reportBorrowedCircuit(of: gpt2) }
        let out = folder.out ?? "runs/\(chosen.name)"
        let url = URL(fileURLWithPath: out)
        let stages = measurement.stages?.items
        if measurement.dryRun {
            let forecast = try PlanForecast(chosen, in: url, model: gpt2, stages: stages, settings: settings) {
                if !common.quiet { Terminal.say("timing \($0)") }
            }
            try output.write(
                json: { try JSONEncoder.readable.encode(forecast) }, csv: { forecast.csv },
                text: { forecast.text(out: out) })
            return
        }
        let job = try Reproduction(chosen, in: url, model: gpt2, stages: stages, settings: settings)
        if !common.quiet, let note = job.dataset.counterfactualNote(for: .groups) { Terminal.say(note) }
        Interrupt.listen()
        let record = try run(job, out: out)
        try output.write(
            json: { try JSONEncoder.readable.encode(record) }, csv: { record.csv },
            text: { record.text(out: out) })
    }

    /// Prints the plan's file.
    private func show() throws {
        try Given.refuse([
            (
                [
                    "--stages", "--recipe", "--dry-run", "--model", "--memory", "--precision", "--threads", "--backend",
                    "--quiet", "--out", "--format", "--color",
                ], true, "has no effect with --show, which prints a plan as it is"
            )
        ])
        guard let plan = measurement.plan else {
            throw IOIError.usage("--show: found no --plan, expected the plan to print")
        }
        print(try Plan.json(named: plan))
    }

    /// The plan with the recipe that was asked for.
    private func switched(_ plan: Plan) throws -> Plan {
        guard let recipe = measurement.recipe else { return plan }
        let stages = measurement.stages?.items
        guard try plan.dependsOnRecipe(stages) else {
            throw IOIError.usage(
                "--recipe: has no effect, because the stages of the plan \(plan.name) train nothing or name their own")
        }
        return plan.trained(by: recipe)
    }

    private func run(_ job: Reproduction, out: String) throws -> ReproductionRecord {
        var progress: ProgressLine?
        do {
            return try job.run { event in
                switch event {
                case .began(let title, let index, let total, let isDone):
                    guard !isDone else { return }
                    progress = ProgressLine("\(index) of \(total): \(title)", total: 1000, isQuiet: common.quiet)
                case .progress(let share): progress?.show(Int(share * 1000))
                case .finished(let title, let seconds):
                    progress?.clear()
                    if !common.quiet { Terminal.say("\(title): \(decimal(seconds, 1)) s") }
                }
            }
        } catch let interruption as Reproduction.Interruption {
            progress?.clear()
            Terminal.complain(
                "interrupted after \(interruption.done) of \(interruption.total) pieces of work, which are kept in \(out); "
                    + "the same command resumes from there"
            )
            throw ExitCode(130)
        }
    }
}
