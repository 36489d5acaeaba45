import ArgumentParser
import Foundation
import IOIKit

/// Where a picture of the results goes.
struct ChartOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Draw the results to a file.", valueName: "f.svg"), completion: .file(extensions: ["svg"]))
    var chart: String?
}

/// A command whose results can be drawn.
protocol ChartCommand: ExperimentCommand {
    var drawing: ChartOptions { get }

    func chart(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws -> any Chart
}

extension ChartCommand {
    var otherOutputs: [(flag: String, path: String?)] { [("--chart", drawing.chart)] }

    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject, in outputs: Outputs) throws {
        try outputs.write("--chart") { Data(try chart(results, of: experiment, on: subject).svg.utf8) }
    }
}
