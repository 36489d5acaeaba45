import ArgumentParser
import Foundation
import IOIKit

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page that shows what a run measured: a plan's, or a fine-tuning run's.",
        discussion: """
            One HTML file that needs no network and no scripts. For a plan: the claims first, then behaviour over epochs, \
            where the changes are, circuits, and how to repeat it. For fine-tuning: held-out prompts over epochs, the \
            training loss, everything else in results/, and how to repeat it. Figures show their intervals under the \
            pointer and with the keyboard. The page names what is missing in the folder.

            ioi report runs/quick
            ioi report runs/clean
            ioi report runs/quick --charts runs/quick/charts --csv runs/quick/tables
            """
    )

    @Argument(
        help: ArgumentHelp("The run folder of `ioi reproduce` or `ioi finetune`.", valueName: "run"),
        completion: .directory)
    var folder: String

    struct PageOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The page (default: report.html in the run folder).", valueName: "f.html"),
            completion: .file(extensions: ["html"])
        )
        var out: String?

        @Option(
            help: ArgumentHelp("Also write each chart to this folder as SVG.", valueName: "dir"), completion: .directory
        )
        var charts: String?

        @Option(
            help: ArgumentHelp("Also write each table to this folder as CSV.", valueName: "dir"), completion: .directory
        )
        var csv: String?

        @Flag(help: "Print errors only.")
        var quiet = false
    }

    @OptionGroup(title: Section.output) var output: PageOptions

    func run() throws {
        let folder = URL(fileURLWithPath: folder)
        let report = try RunFolder(folder).report()
        let page = output.out.map { URL(fileURLWithPath: $0) } ?? folder.appendingPathComponent("report.html")
        try AtomicFile.write(Data(report.html.utf8), to: page)
        try write(report.charts.map { ("\($0.name).svg", $0.svg) }, to: output.charts)
        try write(report.tables.map { ("\($0.name).csv", $0.csv) }, to: output.csv)
        for problem in report.problems { Terminal.complain(problem) }
        if !output.quiet { print(page.path) }
    }

    private func write(_ files: [(name: String, text: String)], to folder: String?) throws {
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw IOIError("\(folder): cannot be made: \(error.localizedDescription)")
        }
        for file in files {
            try AtomicFile.write(
                Data(file.text.utf8), to: URL(fileURLWithPath: folder).appendingPathComponent(file.name)
            )
        }
    }
}
