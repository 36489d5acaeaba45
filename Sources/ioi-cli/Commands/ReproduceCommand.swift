import ArgumentParser
import Foundation
import IOIKit

struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "The paper's plan from end to end: train, measure, and hold its claims against what was measured.",
        discussion: """
            A plan is a file of stages; each trains the model on a dataset, from the base model or from another stage, and \
            measures it after some epochs. Then each claim is decided by a rule that stands in the plan. Built in are \
            paper (GPT-2 small; days on a laptop's processor) and quick (the embedded model; minutes).

            Everything is kept under --out by a hash of what decides it. After Ctrl-C, or a power cut, the same command \
            goes on where it was; a changed setting does anew only what depends on it.

            ioi reproduce --plan quick
            ioi reproduce --plan paper --stages base,clean --out runs/paper
            ioi reproduce --plan mine.json --model runs/clean/checkpoints/epoch-001
            ioi report runs/quick
            """
    )

    @Option(
        help: ArgumentHelp(
            "paper, quick or a file (default: paper where the model is gpt2, else quick).", valueName: "name|f.json"
        )
    )
    var plan: String?

    @Option(help: ArgumentHelp("The stages to do (default: all that are not extra).", valueName: "a,b"))
    var stages: String?

    @OptionGroup var model: ModelOptions

    @Option(help: ArgumentHelp("The run folder (default: runs/PLAN).", valueName: "run"))
    var out: String?

    @Option(help: "What standard output gets.")
    var format: OutputFormat = .text

    @OptionGroup var memory: MemoryOptions
    @OptionGroup var common: RunOptions

    func run() throws {
        let workers = try common.workers()
        let settings = try memory.settings(workers: workers)
        let plan = try plan.map { try Plan.named($0) }
        var model = model
        if let plan, model.model == nil { model.model = plan.model }
        let gpt2 = try model.load(workers: workers)
        let chosen = try plan ?? Plan.named(gpt2.location.name == "gpt2" ? "paper" : "quick")
        let out = out ?? "runs/\(chosen.name)"
        let job = try Reproduction(
            chosen, in: URL(fileURLWithPath: out), model: gpt2,
            stages: stages?.split(separator: ",").map(String.init), settings: settings
        )
        Interrupt.listen()
        let record = try run(job, out: out)
        switch format {
        case .json: print(String(decoding: try JSONEncoder.readable.encode(record), as: UTF8.self))
        case .csv: print(record.csv, terminator: "")
        case .text: print(record.text(out: out), terminator: "")
        }
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
                    + "the same command goes on from there"
            )
            throw ExitCode(130)
        }
    }
}
