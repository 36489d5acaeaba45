import ArgumentParser
import Foundation
import IOIKit

struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Put together the shards of a measurement, and show its results.",
        discussion: """
            The files are those that a measuring command wrote with --shard 1/n to --shard n/n. They must be all of one \
            command: the same options, models, prompts and version. Models and prompts are read from where they were; the \
            model is not run again, but for what every shard needs of all prompts, such as means. Figures and intervals \
            are those that one process would have found.

            for k in 1 2 3 4; do ioi patch --mode path --count 400 --shard $k/4 --out parts/$k.json; done
            ioi merge parts/*.json --out path.json
            As a job array of Slurm: --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
            """
    )

    @Argument(
        help: ArgumentHelp("The files of all shards.", valueName: "shard.json"),
        completion: .file(extensions: ["json"])
    )
    var files: [String]

    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: RunOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func run() throws {
        let merge = try ShardMerge(files)
        guard let kind = Experiments.named(merge.experiment) as? any ExperimentWithCommand.Type,
            let command = kind.command as? any ExperimentCommand.Type
        else {
            throw IOIError("\(files[0]): experiment: found \(merge.experiment.quoted), which has no shards")
        }
        try run(merge, as: command)
    }

    private func run<Command: ExperimentCommand>(_ merge: ShardMerge, as type: Command.Type) throws {
        let workers = try common.workers().with(merge.environment.precision)
        let settings = try memory.settings(workers: workers)
        let experiment = try merge.options(Command.Kind.self)
        let outputs = try output.open()
        let locations = try merge.locations()
        Terminal.say(locations.model, as: "model")
        if let donor = locations.donor { Terminal.say(donor, as: "donor") }
        let model = try GPT2(locations.model, workers: workers)
        let donor = try locations.donor.map { try GPT2($0, workers: workers) }
        let subject = try Subject(of: experiment, model, donor: donor)
        let results = try merge.results(of: experiment, on: subject, settings)
        if merge.mixesLibraries, !common.quiet {
            Terminal.say(
                "the shards were measured with different libraries, so figures agree with one process's to rounding")
        }
        // Its defaults say how results are shown.
        let colour = Terminal.colour
        let view = try Command.parse(Command.arguments(for: experiment)).view(results, of: experiment, on: subject)
        Terminal.colour = colour
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: Command.Kind.name, options: experiment, model: ModelRecord(model),
                        donor: donor.map(ModelRecord.init), dataset: subject.dataset.map { DatasetRecord($0) },
                        environment: merge.environment, seconds: merge.seconds, results: results
                    )
                )
            },
            csv: {
                guard merge.perPrompt, let results = results as? any PromptFigures else { return view.csv() }
                return PromptTable(results.promptColumns(on: subject), on: subject).csv
            }, text: view.text, next: { output.out.map { "ioi report \($0)" } }
        )
    }
}
