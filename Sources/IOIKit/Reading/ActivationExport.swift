import Foundation

/// Writes activations of prompts, with their tokens and positions, for other programs.
///
/// All tensors of activations have the same rows, one for each position that is kept of each prompt, prompt after prompt.
/// `row_prompts` and `row_positions` say which prompt and which of its tokens a row is of.
public struct ActivationExport: Sendable {
    /// Which positions of each prompt are kept.
    public enum Rows: Equatable, Sendable {
        /// That of every token, or one that the prompts name.
        case selection(PositionSelection)
        /// Those that all prompts name, in the order of ``positions``.
        case names
    }

    /// The form of the output.
    public enum Form: Equatable, Sendable {
        case safetensors
        /// A folder of `.npy` files, with the metadata as `metadata.json`.
        case npy

        /// The form that an output's name asks for.
        ///
        /// - Throws: `IOIError` of kind `usage` for another extension.
        public init(path: String) throws {
            let ending = URL(fileURLWithPath: path).pathExtension
            switch ending {
            case _ where path.hasSuffix("/"): self = .npy
            case "": self = .npy
            case "safetensors": self = .safetensors
            default:
                throw IOIError.usage(
                    "\(path): found the extension .\(ending), expected .safetensors, or none for a folder of .npy files"
                )
            }
        }
    }

    /// In the order of the model.
    public let sites: [Site]
    /// Ascending.
    public let layers: [Int]
    /// The names of the positions that all prompts name.
    public let positions: [PositionName]
    /// The number of rows of each tensor of activations.
    public let rows: Int

    private let model: GPT2
    private let dataset: TaskDataset
    private let selection: Rows
    private let settings: RunSettings
    /// The indices of prompts that run together.
    private let batches: [Range<Int>]
    /// The tokens of the longest prompt.
    private let longest: Int

    private var prompts: [Prompt] { dataset.prompts }
    private var config: GPT2Config { model.config }

    /// - Parameters:
    ///   - sites: what is written; not empty.
    ///   - layers: nil for all.
    ///   - selection: which positions.
    ///   - dataset: the prompts.
    ///   - model: the model.
    ///   - settings: threads and the memory of a batch of prompts.
    /// - Throws: `IOIError` of an option that does not fit the model or the prompts, or if a prompt needs more memory
    ///   than there is.
    public init(
        _ sites: [Site],
        layers: [Int]?,
        rows selection: Rows,
        of dataset: TaskDataset,
        _ model: GPT2,
        settings: RunSettings
    ) throws {
        let (config, prompts) = (model.config, dataset.prompts)
        guard !sites.isEmpty else { throw IOIError.invalid("sites", "found none, expected at least one") }
        for layer in layers ?? [] where !(0..<config.layers).contains(layer) {
            throw IOIError.invalid("layers", "found \(layer), expected 0 to \(config.layers - 1)")
        }
        if case .selection(let selection) = selection { try prompts.check([selection], field: "position") }
        self.sites = Site.allCases.filter(sites.contains)
        self.layers = layers.map { Set($0).sorted() } ?? Array(0..<config.layers)
        self.model = model
        self.dataset = dataset
        self.selection = selection
        self.settings = settings
        positions = prompts.sharedPositions
        longest = prompts.map(\.tokens.count).max() ?? 0
        let names = positions
        rows = prompts.reduce(0) { $0 + Self.positions(of: $1, selection, names).count }
        let size = Self.memory(config, Set(sites))
        var (batches, first, used) = ([Range<Int>](), 0, 0)
        for (index, prompt) in prompts.enumerated() {
            let own = size(prompt.tokens.count)
            if index > first, used + own > settings.memory || index - first == Self.batch {
                batches.append(first..<index)
                (first, used) = (index, 0)
            }
            used += own
        }
        if first < prompts.count { batches.append(first..<prompts.count) }
        self.batches = batches
        try MachineMemory.check(
            Double(batches.map { $0.reduce(0) { $0 + size(prompts[$1].tokens.count) } }.max() ?? 0),
            for: "the run of a prompt of \(longest) tokens")
    }

    /// The most prompts that run together.
    private static let batch = 64

    /// About what a prompt of a number of tokens takes in a run. [bytes]
    private static func memory(_ config: GPT2Config, _ sites: Set<Site>) -> (_ tokens: Int) -> Int {
        let d = config.width
        var kept = 0
        if !sites.isDisjoint(with: [.q, .k, .v]) { kept += 3 * d }
        if !sites.isDisjoint(with: [.residPre, .residPost]) { kept += d }
        if sites.contains(.result) { kept += config.heads * d }
        kept += d * sites.intersection([.z, .attnOut, .residMid, .mlpOut]).count
        let row = kept * config.layers + 14 * d + config.innerWidth + 1
        let pair = config.heads * (sites.contains(.pattern) ? config.layers : 1)
        return { 4 * ($0 * row + $0 * $0 * pair) }
    }

    private static func positions(of prompt: Prompt, _ rows: Rows, _ names: [PositionName]) -> [Int] {
        switch rows {
        case .selection(let selection): selection.positions(in: prompt.positions, count: prompt.tokens.count)
        case .names: names.map { prompt.positions[$0]! }
        }
    }

    // MARK: Contents

    /// The tensors, in the order of the file.
    package var tensors: [TensorForm] {
        let count = prompts.count
        return [
            TensorForm("tokens", .i64, [prompts.reduce(0) { $0 + $1.tokens.count }]),
            TensorForm("prompt_offsets", .i64, [count + 1]), TensorForm("prompt_ids", .i64, [count]),
            TensorForm("row_prompts", .i64, [rows]), TensorForm("row_positions", .i64, [rows]),
        ] + positions.map { TensorForm("positions.\($0.text)", .i64, [count]) } + activations.map(\.form)
    }

    private var activations: [(form: TensorForm, site: Site, layer: Int)] {
        layers.flatMap { layer in
            sites.map { site in
                (TensorForm(site.hookName(layer: layer), .f32, [rows] + shape(of: site)), site, layer)
            }
        }
    }

    /// Of one row. A pattern has a number for each token of the longest prompt, 0 for those behind the row's.
    private func shape(of site: Site) -> [Int] {
        switch site {
        case .q, .k, .v, .z: [config.heads, config.headWidth]
        case .result: [config.heads, config.width]
        case .pattern: [config.heads, longest]
        case .residPre, .attnOut, .residMid, .mlpOut, .residPost: [config.width]
        }
    }

    /// The size of all tensors. [bytes]
    public var size: Double { tensors.reduce(0) { $0 + Double($1.byteCount) } }

    /// What the file says about itself.
    package func metadata() throws -> [String: JSONValue] {
        let record = try ModelRecord(model)
        let environment = EnvironmentRecord(workers: settings.workers)
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        let rows: String
        switch selection {
        case .selection(let selection): rows = selection.description
        case .names: rows = "names"
        }
        return [
            "schema": .string("ioi/activations/1"), "version": .string(environment.version),
            "model": .string(record.name), "model_sha256": .string(record.sha256 ?? ""),
            "dataset": .string(dataset.name), "dataset_sha256": .string(DatasetRecord(dataset).sha256),
            "precision": .string(environment.precision.rawValue), "blas": .string(environment.blas),
            "position": .string(rows), "positions": list(positions.map(\.text)), "sites": list(sites.map(\.rawValue)),
            "layers": .array(layers.map { .number(Double($0)) }), "texts": list(prompts.map(\.text)),
        ]
    }

    // MARK: Writing

    /// Runs the model and writes everything, batch by batch, so that no more than a batch is in memory.
    ///
    /// - Parameters:
    ///   - url: the file or folder.
    ///   - form: which of them.
    ///   - progress: called with the number of prompts done; throwing stops the work, and nothing is left behind.
    /// - Throws: `IOIError` if the output cannot be written; errors from `progress`.
    public func write(to url: URL, as form: Form, progress: (Int) throws -> Void = { _ in }) throws {
        let (tensors, metadata) = try (tensors, metadata())
        switch form {
        case .safetensors:
            // The format has only strings; what is no string is JSON.
            let texts = try metadata.mapValues { value in
                if case .string(let text) = value { return text }
                let encoder = JSONEncoder()
                encoder.outputFormatting = .withoutEscapingSlashes
                return String(decoding: try encoder.encode(value), as: UTF8.self)
            }
            try SafetensorsWriter.write(tensors, metadata: texts, to: url) { try fill($0, progress) }
        case .npy:
            let json = try JSONEncoder.readable.encode(metadata)
            try NPYFolder.write(tensors, beside: ["metadata.json": json], to: url) { try fill($0, progress) }
        }
    }

    private func fill(_ pieces: TensorPieces, _ progress: (Int) throws -> Void) throws {
        try pieces.append([0], to: "prompt_offsets")
        var offset = 0
        for (index, prompt) in prompts.enumerated() {
            offset += prompt.tokens.count
            try pieces.append(prompt.tokens, to: "tokens")
            try pieces.append([offset], to: "prompt_offsets")
            try pieces.append([prompt.id], to: "prompt_ids")
            let own = Self.positions(of: prompt, selection, positions)
            try pieces.append(Array(repeating: index, count: own.count), to: "row_prompts")
            try pieces.append(own, to: "row_positions")
            for name in positions { try pieces.append([prompt.positions[name]!], to: "positions.\(name.text)") }
        }
        var capacity = BatchCapacity(lengths: [], count: 0, rows: .all)
        for batch in batches {
            let own = BatchCapacity(lengths: prompts[batch].map(\.tokens.count), count: batch.count, rows: .all)
            capacity.rows = max(capacity.rows, own.rows)
            capacity.queries = max(capacity.queries, own.queries)
            capacity.pairs = max(capacity.pairs, own.pairs)
        }
        let forward = ForwardPass(
            model.parameters, capacity: capacity, keeping: Set(sites), workers: settings.workers)
        let activations = activations
        for batch in batches {
            let packed = PackedBatch(prompts[batch].map(\.tokens), rows: .all)
            forward.run(packed)
            // The rows of the batch that are kept, and how many tokens each sees.
            let kept = batch.flatMap { index in
                let first = packed.prompts[index - batch.lowerBound].lowerBound
                return Self.positions(of: prompts[index], selection, positions).map {
                    (row: packed.rowOfToken[first + $0], position: $0)
                }
            }
            for (form, site, layer) in activations {
                let columns = form.shape.dropFirst().reduce(1, *)
                let table = ValueTable(rows: kept.count, columns: columns)
                let values = table.values
                if site == .pattern {
                    values.fill(0)
                    let pattern = forward.patterns(layer: layer)
                    for (place, (row, position)) in kept.enumerated() {
                        for head in 0..<config.heads {
                            (values[place] + head * longest).update(from: pattern(row, head), count: position + 1)
                        }
                    }
                } else {
                    forward.kept(site, layer: layer).gather(
                        kept.map(\.row), into: values, workers: settings.workers)
                }
                try withExtendedLifetime(table) {
                    let all = UnsafeBufferPointer(start: values.base, count: kept.count * columns)
                    try pieces.append(all, to: form.name)
                }
            }
            try progress(batch.upperBound)
        }
    }
}

extension Site {
    /// TransformerLens's name of the site in a layer, such as `blocks.9.attn.hook_z`.
    package func hookName(layer: Int) -> String {
        "blocks.\(layer).\(isPerHead ? "attn." : "")hook_\(rawValue)"
    }
}
