/// `ioi patch`: a sweep of patched runs, as its options say.
public struct PatchJob: Sendable {
    public let options: PatchOptions

    /// - Throws: `IOIError` of kind `usage` for options that cannot be.
    public init(_ options: PatchOptions) throws {
        self.options = options
        switch options.mode {
        case .activation(let options):
            guard !options.positions.isEmpty else { throw IOIError.usage("--position: expected at least one") }
        case .path(let options): _ = try Self.path(options, cells: [])
        case .crossModel(let options):
            _ = try CrossModelPatching(components: options.components, position: options.position, sets: [])
            guard !options.directions.isEmpty else { throw IOIError.usage("--direction: expected one") }
        }
    }

    /// - Parameters:
    ///   - donor: the other model of a cross-model sweep.
    ///   - partial: where an interrupted sweep goes on from.
    ///   - progress: told what share of the work is done.
    /// - Throws: `IOIError` where models, prompts and options do not fit each other; `PatchInterruption`.
    public func run(
        _ model: GPT2,
        donor: GPT2?,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        perPrompt: Bool,
        progress: @escaping (Double) -> Void
    ) throws -> PatchResults {
        let (parameters, config) = (model.parameters, model.config)
        func map(_ measures: PatchMeasures, _ columns: PatchMap.Columns, width: Int) -> PatchMap {
            PatchMap(
                effects(measures, settings), measures, columns: columns, layers: config.layers, width: width,
                perPrompt: perPrompt
            )
        }
        switch options.mode {
        case .activation(let options):
            var method = ActivationPatching(site: options.site, positions: options.positions)
            method.isDenoising = options.denoise
            let measures = try partial.measure("activation") {
                try method.measure(parameters, dataset.prompts, settings: settings, resuming: $0, progress: progress)
            }
            let columns: PatchMap.Columns =
                options.site.isPerHead
                ? .heads : options.positions.count == 1 ? .single : .positions(options.positions)
            return .map(map(measures, columns, width: method.columns(config)))
        case .path(let options):
            let cells: [[PathPatching.Sender]] =
                switch options.sender {
                case .heads: config.allHeads.map { [.head($0)] }
                case .mlps: (0..<config.layers).map { [.mlp($0)] }
                }
            let method = try Self.path(options, cells: cells)
            let measures = try partial.measure("path") {
                try method.measure(parameters, dataset.prompts, settings: settings, resuming: $0, progress: progress)
            }
            return options.sender == .heads
                ? .map(map(measures, .heads, width: config.heads)) : .map(map(measures, .single, width: 1))
        case .crossModel(let options):
            guard let donor else { throw IOIError.usage("--donor: expected a model for --mode cross-model") }
            try config.checkShape(of: donor.config)
            let sets = try HeadSets(options, model: model, seed: self.options.prompts.seed)
            let method = try CrossModelPatching(
                components: options.components, position: options.position,
                sets: config.allHeads.map { [$0] } + sets.all
            )
            var results: [String: CrossModelResults] = [:]
            for (index, direction) in options.directions.enumerated() {
                let isToHost = direction == .donorToHost
                let measures = try partial.measure(direction.rawValue) {
                    try method.measure(
                        host: isToHost ? parameters : donor.parameters, donor: isToHost ? donor.parameters : parameters,
                        dataset.prompts, settings: settings, resuming: $0
                    ) { progress((Double(index) + $0) / Double(options.directions.count)) }
                }
                let map = map(measures, .heads, width: config.heads)
                results[direction.rawValue] = CrossModelResults(
                    map: map, sets: sets, cells: Array(map.effects.cells.dropFirst(config.allHeads.count))
                )
            }
            return .directions(results)
        }
    }

    private func effects(_ measures: PatchMeasures, _ settings: RunSettings) -> PatchEffects {
        PatchEffects(
            measures, aggregation: options.aggregation, seed: options.prompts.seed, workers: settings.workers
        )
    }

    private static func path(_ options: PatchOptions.Path, cells: [[PathPatching.Sender]]) throws -> PathPatching {
        let receivers = try options.receivers.map { text in
            guard let receiver = Receiver(text) else {
                throw IOIError.usage("--receiver: found \"\(text)\", expected \(Receiver.form)")
            }
            return receiver
        }
        var method = try PathPatching(cells: cells, receivers: receivers)
        method.freezesMLPs = options.mlps == .freeze
        method.freezesLayerNorms = options.layerNorms == .freeze
        method.ablation = options.ablation
        if !options.knockout.isEmpty {
            var target = KnockoutTarget("--knockout")
            try target.add(heads: options.knockout, flag: "--knockout", position: .all)
            method.knockout = target
        }
        return method
    }
}

extension KnockoutTarget {
    /// - Parameters:
    ///   - heads: `layer.head`, with or without `@position`.
    ///   - position: of heads that have none.
    /// - Throws: `IOIError` of kind `usage` for a text that is no head.
    mutating func add(heads: [String], flag: String, position: PositionSelection) throws {
        for text in heads {
            let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= 2, let head = Head(parts[0]),
                let place = parts.count == 1 ? position : PositionSelection(parts[1])
            else {
                throw IOIError.usage(
                    "\(flag): found \"\(text)\", expected heads such as 9.9 or 9.9@END (\(PositionSelection.choices))"
                )
            }
            add(head, at: place)
        }
    }
}

/// What `ioi patch` measured.
public enum PatchResults: Encodable, Sendable {
    case map(PatchMap)
    /// By the direction's name.
    case directions([String: CrossModelResults])

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .map(let map): try map.encode(to: encoder)
        case .directions(let directions): try directions.encode(to: encoder)
        }
    }
}
