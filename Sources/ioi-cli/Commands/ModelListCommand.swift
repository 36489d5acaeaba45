import ArgumentParser
import Foundation
import IOIKit

struct ModelListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the models that are found, and the checkpoints of the runs below ./runs.",
        discussion: """
            Models are looked for in IOI_MODELS, where Scripts/fetch-gpt2.sh puts them, and in the Hugging Face cache; \
            embedded comes with the program. The first column is what --model takes. A star marks the model that commands \
            take without --model.
            """
    )

    @OptionGroup(title: Section.output) var output: FormatOptions

    /// A model as it is printed. `name` is what `--model` takes.
    private struct Line: Encodable {
        let name, folder: String
        let layers, heads, width, bytes: Int
        let isDefault: Bool
        /// The folder of the run that it is a checkpoint of.
        let run: String?

        enum CodingKeys: String, CodingKey {
            case name, folder, layers, heads, width, bytes
            case isDefault = "default"
            case run
        }

        init(_ entry: ModelList.Entry) {
            folder = entry.location.folder.path
            // Below the working directory.
            name = entry.run == nil ? entry.location.given : folder.relativeToWorkingFolder
            (layers, heads, width) = (entry.config.layers, entry.config.heads, entry.config.width)
            (bytes, isDefault, run) = (entry.bytes, entry.isDefault, entry.run?.path)
        }

        var csv: String {
            ([name, folder] + [layers, heads, width, bytes].map { "\($0)" } + ["\(isDefault)", run ?? ""])
                .map(\.csvField).joined(separator: ",")
        }

        var row: [String] {
            [
                name, isDefault ? "*" : "", "\(layers) × \(heads) × \(width)",
                bytes < 100_000_000 ? "\(decimal(Double(bytes) / 1e6, 1)) MB" : "\(decimal(Double(bytes) / 1e9, 2)) GB",
                folder,
            ]
        }
    }

    func run() throws {
        let list = ModelList(runs: RunSearch(in: URL(fileURLWithPath: "runs")))
        for problem in list.problems { Terminal.say("passed over: \(problem)") }
        let lines = list.entries.map(Line.init)
        var table = TextTable(
            header: ["model", "", "layers × heads × width", "size", "folder"], leftColumns: [0, 1, 4])
        table.rows = lines.map(\.row)
        try output.write(
            json: { try JSONEncoder.readable.encode(["models": lines]) },
            csv: { csvTable("name,folder,layers,heads,width,bytes,default,run", lines.map(\.csv)) },
            text: { Printout([.table(table)]) })
    }
}

extension String {
    /// A path below the working directory without that.
    fileprivate var relativeToWorkingFolder: String {
        let here = FileManager.default.currentDirectoryPath + "/"
        return hasPrefix(here) ? String(dropFirst(here.count)) : self
    }
}
