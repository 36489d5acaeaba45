/// How the effect of a patch is averaged over prompts.
public enum EffectAggregation: String, CaseIterable, Codable, Sendable {
    /// The change of the mean over the mean.
    case ratioOfMeans = "ratio-of-means"
    /// The mean over prompts of the change over the prompt's own value.
    case meanOfRatios = "mean-of-ratios"
}

/// The effects of patched runs on the mean of a metric.
public struct PatchEffects: Sendable {
    /// One patched run.
    public struct Cell: Equatable, Sendable {
        /// The mean.
        public internal(set) var patched = Estimate()
        /// 100 · (patched − original) / original, or over the gap on that scale; patched − original for a divergence.
        public internal(set) var effect = Estimate()
        /// (patched − original) / (donor − original); nil without a donor run.
        public internal(set) var recovered: Estimate?
    }

    /// The mean of the metric without patching.
    public let original: Estimate
    /// The mean of the donor run, if there is one.
    public let donor: Estimate?
    /// What effects are percentages of on the scale of the gap; nil on the original one.
    public let gap: Gap?
    public let cells: [Cell]

    /// The means of a ``CounterfactualGap``.
    public struct Gap: Equatable, Sendable {
        /// The mean of the counterfactuals.
        public fileprivate(set) var counterfactual = Estimate()
        /// The mean of the prompts minus ``counterfactual``.
        public fileprivate(set) var whole = Estimate()
        /// A caveat on effects if the gap is near zero.
        public fileprivate(set) var note: RatioNote?
    }

    /// - Parameters:
    ///   - seed: for the bootstrap intervals.
    ///   - aggregation: how prompts are averaged.
    ///   - metric: the metric that was measured.
    ///   - measures: what was measured.
    ///   - gap: what effects are percentages of, if not of the unpatched run's metric.
    ///   - workers: the threads that compute.
    public init(
        _ measures: PatchMeasures,
        aggregation: EffectAggregation = .ratioOfMeans,
        gap: CounterfactualGap? = nil,
        metric: Metric = .logitDifference,
        seed: UInt64,
        workers: Workers
    ) {
        let original = measures.original
        let isAbsolute = gap == nil && !metric.isRelative
        // As a percentage of 100, a change is given as it is.
        let wholes = gap?.values ?? (isAbsolute ? original.map { _ in 100 } : original)
        let ratios = measures.patched.map { patched in
            patched.indices.map { 100 * (patched[$0] - original[$0]) / wholes[$0] }
        }
        let donors = measures.donor.map { [$0] } ?? []
        var columns = [original] + donors + measures.patched + (aggregation == .meanOfRatios ? ratios : [])
        let whole = gap == nil && !isAbsolute ? 0 : columns.count
        if let gap { columns += [wholes, gap.counterfactuals] } else if isAbsolute { columns.append(wholes) }
        let sums = ResampledSums(columns, seed: seed, workers: workers)
        let count = sums.count
        func estimate(_ statistic: ([Double]) -> Double) -> Estimate { sums.estimate(statistic) }
        self.original = estimate { $0[0] / count }
        donor = measures.donor.map { _ in estimate { $0[1] / count } }
        self.gap = gap.map { gap in
            let mean = estimate { $0[whole] / count }
            return Gap(
                counterfactual: estimate { $0[whole + 1] / count }, whole: mean,
                note: RatioNote(of: 0, whole: mean, spread: wholes.standardDeviation)
            )
        }
        let first = 1 + donors.count
        cells = measures.patched.indices.map { cell in
            let column = first + cell
            return Cell(
                patched: estimate { $0[column] / count },
                effect: estimate {
                    aggregation == .ratioOfMeans
                        ? 100 * ($0[column] - $0[0]) / $0[whole] : $0[column + measures.patched.count] / count
                },
                recovered: measures.donor.map { _ in estimate { ($0[column] - $0[0]) / ($0[1] - $0[0]) } }
            )
        }
    }
}

extension PatchEffects.Gap: FieldCoded {
    static var fields: [Field<PatchEffects.Gap>] {
        [
            .estimate("counterfactual", \.counterfactual), .estimate("gap", \.whole),
            .optional("effect_note", \.note),
        ]
    }
}

/// The effects of a sweep over layers and columns, in the form used by results files.
///
/// The keys are `original`, `patched` [L][H], `effect` [L][H] in percent, `ci95` [L][H][2], with a donor run `donor`
/// and `recovered`, on the scale of the gap `counterfactual` and `gap`, and `estimate` if the effects are estimates. The
/// shape is [L] instead of [L][H] for a sweep
/// with one run per layer.
public struct PatchMap: Equatable, Sendable {
    public enum Columns: Equatable, Sendable {
        case heads
        case positions([PositionSelection])
        /// One run per layer.
        case single
    }

    /// The metric of each prompt.
    public struct PerPrompt: Equatable, Sendable {
        /// [prompts]
        public fileprivate(set) var original: [Double] = []
        /// [prompts]
        public fileprivate(set) var donor: [Double]?
        /// [layers][columns][prompts]
        public fileprivate(set) var patched: [[[Double]]] = []
        fileprivate var isSingle = false
    }

    public private(set) var columns = Columns.heads
    /// The mean of the metric without patching.
    public private(set) var original = Estimate()
    /// The mean of the donor run, if there is one.
    public private(set) var donor: Estimate?
    /// What effects are percentages of on the scale of the gap; nil on the original one.
    public private(set) var gap: PatchEffects.Gap?
    /// [layers][columns]
    public private(set) var layers: [[PatchEffects.Cell]] = []
    /// nil unless requested.
    public private(set) var perPrompt: PerPrompt?
    /// How good the effects are if they are estimates; nil if they were measured.
    public internal(set) var estimate: EstimateCheck?

    public var scale: EffectScale { gap == nil ? .original : .gap }

    /// In percent. [layers][columns]
    public var effects: [[Double?]] { layers.map { $0.map(\.effect.value) } }
    /// [layers][columns]
    public var effectIntervals: [[[Double]?]] { layers.map { $0.map(\.effect.ci95) } }

    /// All cells, in layer-major order.
    public var cells: [PatchEffects.Cell] { Array(layers.joined()) }

    /// Names one of ``cells``: `9.9`, `9@S2`, or `layer 9`.
    public func name(ofCell cell: Int) -> String {
        let (layer, column) = cell.quotientAndRemainder(dividingBy: layers[0].count)
        return switch columns {
        case .heads: Head(layer, column).description
        case .positions(let positions): "\(layer)@\(positions[column])"
        case .single: "layer \(layer)"
        }
    }

    /// - Parameters:
    ///   - measures: the first `layers` · `width` cells, in layer-major order, form the map.
    ///   - width: the number of cells per layer.
    ///   - columns: the columns of a layer.
    ///   - perPrompt: whether the results hold the figures of each prompt.
    ///   - layers: the number of blocks.
    ///   - effects: the effects of all runs.
    public init(
        _ effects: PatchEffects,
        _ measures: PatchMeasures,
        columns: Columns,
        layers: Int,
        width: Int,
        perPrompt: Bool
    ) {
        func rows<Value>(_ values: [Value]) -> [[Value]] { Array(values.prefix(layers * width)).rows(of: width) }
        self.columns = columns
        original = effects.original
        donor = effects.donor
        gap = effects.gap
        self.layers = rows(effects.cells)
        guard perPrompt else { return }
        self.perPrompt = PerPrompt(
            original: measures.original, donor: measures.donor, patched: rows(measures.patched),
            isSingle: columns == .single
        )
    }
}

extension PatchMap: FieldCoded {
    init() {}

    static var fields: [Field<PatchMap>] {
        [
            .estimate("original", \.original),
            Field { map, encoder in
                if let donor = map.donor { try donor.write("donor", "donor_ci95", encoder) }
            } read: { map, decoder in
                let donor = try Estimate("donor", "donor_ci95", decoder)
                map.donor = donor.value == nil ? nil : donor
            },
            .inline(where: "counterfactual", \.gap),
            Field { map, encoder in
                guard case .positions(let positions) = map.columns else { return }
                var container = encoder.container(keyedBy: FieldName.self)
                try container.encode(positions, forKey: "positions")
            } read: { map, decoder in
                let container = try decoder.container(keyedBy: FieldName.self)
                if let positions = try container.decodeIfPresent([PositionSelection].self, forKey: "positions") {
                    map.columns = .positions(positions)
                }
            },
            // Reading the first of these creates the cells.
            cells("patched", "patched_ci95", \.patched), cells("effect", "ci95", \.effect),
            Field { map, encoder in
                guard map.donor != nil else { return }
                let recovered = map.layers.map { $0.map { $0.recovered ?? Estimate() } }
                try Estimates(rows: recovered, isSingle: map.columns == .single)
                    .write("recovered", "recovered_ci95", encoder)
            } read: { map, decoder in
                guard map.donor != nil else { return }
                let recovered = try Estimates("recovered", "recovered_ci95", decoder)
                guard recovered.rows.map(\.count) == map.layers.map(\.count) else {
                    throw DecodingError.dataCorrupted(
                        .init(
                            codingPath: decoder.codingPath + [FieldName("recovered")],
                            debugDescription: "expected as many as patched has"
                        )
                    )
                }
                for (layer, row) in recovered.rows.enumerated() {
                    for (column, estimate) in row.enumerated() { map.layers[layer][column].recovered = estimate }
                }
            },
            .optional("per_prompt", \.perPrompt), .optional("estimate", \.estimate),
        ]
    }

    private static func cells(
        _ name: FieldName,
        _ interval: FieldName,
        _ path: WritableKeyPath<PatchEffects.Cell, Estimate> & Sendable
    ) -> Field<PatchMap> {
        Field { map, encoder in
            let rows = map.layers.map { $0.map { $0[keyPath: path] } }
            try Estimates(rows: rows, isSingle: map.columns == .single).write(name, interval, encoder)
        } read: { map, decoder in
            let estimates = try Estimates(name, interval, decoder)
            if map.layers.isEmpty {
                try check(estimates, of: map.columns, at: decoder.container(keyedBy: FieldName.self), name)
                map.layers = estimates.rows.map { Array(repeating: PatchEffects.Cell(), count: $0.count) }
                if estimates.isSingle { map.columns = .single }
            }
            guard estimates.rows.map(\.count) == map.layers.map(\.count) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath + [name], debugDescription: "expected as many as patched has")
                )
            }
            for (layer, row) in estimates.rows.enumerated() {
                for (column, estimate) in row.enumerated() { map.layers[layer][column][keyPath: path] = estimate }
            }
        }
    }

    private static func check(
        _ estimates: Estimates,
        of columns: Columns,
        at container: KeyedDecodingContainer<FieldName>,
        _ name: FieldName
    ) throws {
        guard !estimates.isSingle else { return }
        guard case .positions(let positions) = columns else {
            return try MapShape.check(estimates.rows.map(\.count), at: container.superDecoder(forKey: name))
        }
        guard estimates.rows.allSatisfy({ $0.count == positions.count }) else {
            throw DecodingError.dataCorruptedError(
                forKey: name, in: container,
                debugDescription: "expected rows of \(positions.count), one for each position")
        }
    }

    /// [layers][columns], written as [layers] if `isSingle`.
    private struct Estimates {
        let rows: [[Estimate]]
        let isSingle: Bool

        init(rows: [[Estimate]], isSingle: Bool) {
            self.rows = rows
            self.isSingle = isSingle
        }

        init(_ name: FieldName, _ interval: FieldName, _ decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: FieldName.self)
            let values: [[Double?]]
            let bounds: [[[Double]?]]
            if let single = try? container.decode([Double?].self, forKey: name) {
                isSingle = true
                values = single.map { [$0] }
                bounds = try container.decode([Interval?].self, forKey: interval).map { [$0?.bounds] }
            } else {
                isSingle = false
                values = try container.decode([[Double?]].self, forKey: name)
                bounds = try container.decode([[Interval?]].self, forKey: interval).map { $0.map { $0?.bounds } }
            }
            guard values.map(\.count) == bounds.map(\.count) else {
                throw DecodingError.dataCorruptedError(
                    forKey: interval, in: container, debugDescription: "expected as many as \(name.stringValue) has"
                )
            }
            rows = zip(values, bounds).map { zip($0, $1).map { Estimate(value: $0, ci95: $1) } }
        }

        func write(_ name: FieldName, _ interval: FieldName, _ encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: FieldName.self)
            if isSingle {
                try container.encode(rows.map { $0[0].value }, forKey: name)
                try container.encode(rows.map { $0[0].recordedBounds }, forKey: interval)
            } else {
                try container.encode(rows.map { $0.map(\.value) }, forKey: name)
                try container.encode(rows.map { $0.map(\.recordedBounds) }, forKey: interval)
            }
        }
    }
}

extension PatchMap.PerPrompt: FieldCoded {
    static var fields: [Field<PatchMap.PerPrompt>] {
        [
            .value("original", \.original), .optional("donor", \.donor),
            Field { prompts, encoder in
                var container = encoder.container(keyedBy: FieldName.self)
                if prompts.isSingle {
                    try container.encode(prompts.patched.map { $0[0] }, forKey: "patched")
                } else {
                    try container.encode(prompts.patched, forKey: "patched")
                }
            } read: { prompts, decoder in
                let container = try decoder.container(keyedBy: FieldName.self)
                if let single = try? container.decode([[Double]].self, forKey: "patched") {
                    (prompts.isSingle, prompts.patched) = (true, single.map { [$0] })
                } else {
                    prompts.patched = try container.decode([[[Double]]].self, forKey: "patched")
                }
            },
        ]
    }
}
