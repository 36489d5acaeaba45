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
        let outputs = try Outputs([("--out", output.out)])
        let charts = try output.charts.map { path in try Outputs.named("--charts") { try OutputFolder.open(path) } }
        let tables = try output.csv.map { path in try Outputs.named("--csv") { try OutputFolder.open(path) } }
        let report = try RunFolder(folder).report()
        let page = outputs["--out"]?.url ?? folder.appendingPathComponent("report.html")
        let isPrinted = outputs["--out"]?.isStandardOutput == true
        let html = Data(report.html.utf8)
        if output.out == nil { try AtomicFile.write(html, to: page) } else { outputs.write("--out") { html } }
        try write(report.charts.map { ("\($0.name).svg", $0.svg) }, to: charts)
        try write(report.tables.map { ("\($0.name).csv", $0.csv) }, to: tables)
        for problem in report.problems { Terminal.complain(problem) }
        try outputs.finish()
        if !output.quiet, !isPrinted { print(page.path) }
    }

    private func write(_ files: [(name: String, text: String)], to folder: URL?) throws {
        guard let folder else { return }
        for file in files { try AtomicFile.write(Data(file.text.utf8), to: folder.appendingPathComponent(file.name)) }
    }
}
