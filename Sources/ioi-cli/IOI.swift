import ArgumentParser
import IOIKit

@main
struct IOI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ioi",
        abstract: "What fine-tuning does inside a model."
    )
}
