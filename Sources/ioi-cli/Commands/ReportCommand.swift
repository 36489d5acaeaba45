import ArgumentParser
import Foundation
import IOIKit

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page that shows what was measured: by a plan, a fine-tuning run, or one command.",
        discussion: """
            One HTML file that needs no network. For a plan: how many claims hold and the figures that matter, then the \
            claims, behaviour over epochs, where the changes are, circuits, heads, and how to repeat it. For fine-tuning: \
            held-out prompts over epochs, the training loss, everything else in results/. For the results file of any \
            command: its figures and maps. Figures show their intervals under the pointer and by the arrow keys; tables \
            sort, and stages can be hidden. Without scripts everything can be read. The page names what is missing.

            ioi report runs/quick
            ioi report runs/clean
            ioi report heads.json
            ioi report runs/quick --charts runs/quick/charts --csv runs/quick/tables
            """
    )

    @Argument(
        help: ArgumentHelp("The run folder of `ioi reproduce` or `ioi finetune`, or a results file.", valueName: "run"),
        completion: .file())
    var folder: String

    struct PageOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The page (default: report.html in the run folder, r.html for r.json).", valueName: "f.html"),
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
        let report = try ReportSource(folder).report()
        let page = outputs["--out"]?.url ?? ReportSource(folder).page
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
