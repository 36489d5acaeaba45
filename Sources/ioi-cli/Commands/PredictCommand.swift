import ArgumentParser
import Foundation
import IOIKit

struct PredictCommand: ExperimentCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Show the tokens that a model expects after a text.",
        discussion: """
            The text is taken as it is: a space at its end is a token of its own, after which few words are expected. It is \
            shown as the tokenizer cuts it, then come the tokens with the largest logits. Tokens are in quotes, so that \
            their spaces can be seen. With --against, other models with the same tokens read the text as well; the table \
            then has the tokens that any of them puts among its first.

            ioi predict "When Mary and John went to the store, John gave a drink to"
            ioi predict "The keys to the cabinet" --top 5 --answer " are" --answer " is"
            ioi predict "Then, Mary and John" --against runs/clean/checkpoints/epoch-001
            fortune | ioi predict - --format json
            """
    )

    struct Measurement: ParsableArguments {
        @Option(help: ArgumentHelp("How many tokens to show.", valueName: "n"))
        var top = 10

        @Option(
            name: .customLong("answer"),
            help: ArgumentHelp(
                "Show this token too, whatever its rank; most words need the space before them. May be repeated.",
                valueName: "token")
        )
        var answers: [String] = []

        @OptionGroup var beginning: BeginningOptions
    }

    struct OtherModels: ParsableArguments {
        @Option(
            help: ArgumentHelp("A model to show beside the first. May be repeated.", valueName: "name|dir"),
            completion: .models)
        var against: [String] = []
    }

    @Argument(help: TextInput.argumentHelp) var text: String

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.model) var others: OtherModels
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func experiment() throws -> PredictExperiment {
        var experiment = PredictExperiment(try TextInput(argument: text, bos: measurement.beginning.bos))
        experiment.top = measurement.top
        experiment.answers = measurement.answers
        experiment.against = try others.against.map { name in
            let location = try Outputs.named("--against") { try ModelLocation.find(modelOrRun: name) }
            return ModelRecord(name: location.name, folder: location.folder, sha256: nil)
        }
        return experiment
    }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        let loaded = try model.load(workers: workers)
        for name in others.against { Terminal.say(try ModelLocation.find(modelOrRun: name), as: "against") }
        return (loaded, nil)
    }

    func view(_ results: PredictResults, of experiment: PredictExperiment, on subject: Subject) -> ResultsView {
        let names = [subject.model.location.name] + experiment.against.map(\.name)
        return ResultsView(
            text: { results.printout(models: names) }, csv: { results.csv(models: names) },
            next: "ioi lens \(experiment.input.words)\(model.flag)"
        )
    }
}

extension PredictExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { PredictCommand.self }
}
