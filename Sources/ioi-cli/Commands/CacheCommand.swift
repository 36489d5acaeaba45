import ArgumentParser
import Foundation
import IOIKit

struct CacheCommand: ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Write a model's activations on prompts to a file for NumPy, PyTorch or pandas.",
        discussion: """
            Every tensor of activations has a row for each position that is kept of each prompt, named as in \
            TransformerLens: blocks.9.attn.hook_z [rows, heads, head width], blocks.9.hook_resid_post [rows, d]. \
            row_prompts and row_positions say which prompt and which of its tokens a row is of; tokens holds the ids of \
            all prompts, those of prompt i from prompt_offsets[i] to prompt_offsets[i + 1]; positions.NAME is the index of \
            a named position in each prompt. A pattern's row has a weight for each token of the longest prompt, 0 behind \
            the row's own. Values are those of the weights as they are: nothing is folded or centred.

            The extension of --out decides the form: .safetensors, or none for a folder with a .npy file for each tensor \
            and metadata.json. Batches are written as they are computed, so the file may be larger than the memory.

            ioi cache --sites z,pattern --layers 0,3 --position END --out acts.safetensors
            ioi cache --data prompts.jsonl --sites resid_post --out acts/
            """
    )

    struct Measurement: ParsableArguments {
        @Option(
            help: ArgumentHelp("What to write, such as z,pattern,resid_post.", valueName: "sites"))
        var sites: List<Site>

        @Option(
            help: ArgumentHelp("Layers such as 0,3,9, or all (default: all).", valueName: "layers"),
            transform: Selection<PlacedMLP>.read
        )
        var layers = Selection<PlacedMLP>.all

        @Option(
            help: ArgumentHelp(
                "A position of each prompt, such as END, names for all that they name, or all tokens (default: all).",
                valueName: "position"),
            completion: .list(PositionName.ioi.map(\.text) + ["names", "all"]), transform: KeptRows.read
        )
        var position = KeptRows(.selection(.all))
    }

    struct FileOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The file F.safetensors, or a new folder for .npy files.", valueName: "file|dir"),
            completion: .file(extensions: ["safetensors"])
        )
        var out: String
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<CacheCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var file: FileOptions
    @OptionGroup(title: Section.output) var output: FormatOptions

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let settings = try memory.settings(workers: workers)
        let source = try prompts.source()
        let layers = try layers()
        let form = try Outputs.named("--out") { try ActivationExport.Form(path: file.out) }
        // Held until the end: no other process may claim the same file.
        let claim = try Outputs.named("--out") { () -> OutputFile? in
            guard form == .safetensors else { return nil }
            let claim = try OutputFile(file.out)
            guard claim.isReplaced, !claim.isStandardOutput else {
                throw IOIError.usage(
                    "\(file.out): found a pipe, a device or standard output, expected a file, which is written in parts"
                )
            }
            return claim
        }
        let url = try claim?.url ?? Outputs.named("--out") { try OutputFolder.new(file.out) }
        let model = try model.load(workers: workers)
        model.beginHashing()
        let dataset = try source.data(for: model)
        try Given.refuse(dataset.idle)
        try Given.refuse([(["--abc"], true, "has no effect, because counterfactuals are not used")])
        if !common.quiet { report(dropped: dataset.dropped, irregular: dataset.irregular) }
        let export = try ActivationExport(
            measurement.sites.items, layers: layers, rows: measurement.position.rows, of: dataset, model,
            settings: settings)
        try Outputs.named("--out") { try DiskSpace.check(export.size, for: url) }
        try write(export, of: dataset, to: url, as: form)
        claim.map { withExtendedLifetime($0) {} }
        let results = Results(
            file: file.out, bytes: Int(export.size), prompts: dataset.count, rows: export.rows,
            tensors: export.tensors.map { .init(name: $0.name, dtype: $0.dtype.rawValue, shape: $0.shape) })
        try output.write(
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: "cache",
                        options: Options(
                            prompts: source, sites: export.sites, layers: export.layers,
                            position: measurement.position.description), model: ModelRecord(model),
                        dataset: DatasetRecord(dataset), environment: EnvironmentRecord(workers: workers),
                        seconds: (ContinuousClock.now - started) / .seconds(1), results: results))
            },
            csv: { results.csv }, text: { Printout(results.line, tables: [results.table]) })
    }

    private func write(
        _ export: ActivationExport, of dataset: TaskDataset, to url: URL, as form: ActivationExport.Form
    ) throws {
        Interrupt.listen()
        let progress = ProgressLine("cache", total: dataset.count, isQuiet: common.quiet)
        defer { progress.clear() }
        do {
            try export.write(to: url, as: form) {
                guard !Interrupt.isPending else { throw CancellationError() }
                progress.show($0)
            }
        } catch is CancellationError {
            progress.clear()
            Terminal.complain("interrupted; nothing was written")
            throw ExitCode(130)
        }
    }

    /// nil for all.
    private func layers() throws -> [Int]? {
        guard case .some(let layers) = measurement.layers else { return nil }
        if let placed = layers.first(where: { $0.position != nil }) {
            throw IOIError.usage("--layers: found \(placed.description.quoted), expected layers such as 0,3,9, or all")
        }
        return layers.map(\.layer)
    }

    private struct Options: Encodable {
        let prompts: PromptSource
        let sites: [Site]
        let layers: [Int]
        let position: String
    }

    /// What was written.
    private struct Results: Encodable {
        struct Tensor: Encodable {
            let name, dtype: String
            let shape: [Int]
        }

        let file: String
        /// Of the tensors.
        let bytes: Int
        let prompts, rows: Int
        let tensors: [Tensor]

        private var activations: [Tensor] { tensors.filter { $0.name.hasPrefix("blocks.") } }

        var line: String {
            let shapes = activations.map(\.shape).reduce(into: [[Int]]()) { if !$0.contains($1) { $0.append($1) } }
            let tensors = "\(activations.count) tensor\(activations.count == 1 ? "" : "s")"
            return "\(tensors) of activations \(shapes.map(\.description).joined(separator: ", ")), "
                + "\(rows) row\(rows == 1 ? "" : "s") of \(prompts) prompt\(prompts == 1 ? "" : "s"), \(DiskSpace.size(Double(bytes))) in \(file)"
        }

        var csv: String {
            csvTable(
                "tensor,type,shape",
                tensors.map { "\($0.name.csvField),\($0.dtype),\($0.shape.map(String.init).joined(separator: "x"))" })
        }

        var table: TextTable {
            var table = TextTable(header: ["tensor", "type", "shape"])
            table.leftColumns = [0, 1, 2]
            table.rows = tensors.map { [$0.name, $0.dtype, $0.shape.description] }
            return table
        }
    }
}

/// Which positions of each prompt are kept.
struct KeptRows: CustomStringConvertible {
    let rows: ActivationExport.Rows

    init(_ rows: ActivationExport.Rows) { self.rows = rows }

    static func read(_ text: String) throws -> KeptRows {
        if text == "names" { return KeptRows(.names) }
        guard let selection = PositionSelection(text) else {
            throw IOIError.usage("found \(text.quoted), expected \(PositionSelection.form), or names")
        }
        return KeptRows(.selection(selection))
    }

    var description: String {
        switch rows {
        case .names: "names"
        case .selection(let selection): selection.description
        }
    }
}
