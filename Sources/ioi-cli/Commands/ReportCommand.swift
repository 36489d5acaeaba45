import ArgumentParser
import Foundation
import IOIKit

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "One page that shows what a run measured: one of a plan, or a fine-tuning.",
        discussion: """
            One HTML file that needs no network and no scripts. Of a plan: the claims first, then behaviour over epochs, \
            where the changes lie, circuits, and how to repeat it. Of a fine-tuning: held-out prompts over epochs, the \
            training loss, what else lies in results/, and how to repeat it. Figures show their intervals under the \
            pointer and by the keyboard. What is missing in the folder is named in the page.

            ioi report runs/quick
            ioi report runs/clean
            ioi report runs/quick --charts runs/quick/charts --csv runs/quick/tables
            """
    )

    @Argument(help: ArgumentHelp("The run folder of `ioi reproduce` or `ioi finetune`.", valueName: "run"))
    var folder: String

    @Option(help: ArgumentHelp("The page (default: report.html in the run folder).", valueName: "f.html"))
    var out: String?

    @Option(help: ArgumentHelp("Also write each chart as an SVG file into this folder.", valueName: "dir"))
    var charts: String?

    @Option(help: ArgumentHelp("Also write each table as a CSV file into this folder.", valueName: "dir"))
    var csv: String?

    @Flag(help: "Say nothing but errors.")
    var quiet = false

    func run() throws {
        let folder = URL(fileURLWithPath: folder)
        let report = try RunFolder(folder).report()
        let page = out.map { URL(fileURLWithPath: $0) } ?? folder.appendingPathComponent("report.html")
        try AtomicFile.write(Data(report.html.utf8), to: page)
        try write(report.charts.map { ("\($0.name).svg", $0.svg) }, to: charts)
        try write(report.tables.map { ("\($0.name).csv", $0.csv) }, to: csv)
        if !quiet { print(page.path) }
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
