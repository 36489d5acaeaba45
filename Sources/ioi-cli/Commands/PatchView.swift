import IOIKit

extension PatchMap {
    private var heatmapColumns: Heatmap.Columns {
        switch columns {
        case .heads: .heads
        case .positions(let positions): .named(positions.map(\.description))
        case .single: .single
        }
    }

    /// The mean logit differences, the map, and its strongest cells.
    func parts(title: String, metric: Metric) -> [Printout.Part] {
        let width = max(16, metric.noun.count)
        func line(_ name: String, _ estimate: Estimate) -> String {
            name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + estimate.text(3)
        }
        var lines = [line(metric.noun, original)]
        if let donor { lines.append(line("in the donor", donor)) }
        if let gap {
            lines += [line("counterfactuals", gap.counterfactual), line("gap", gap.whole)] + gap.caveat
            if gap.note != nil { return [.lines(lines)] }
        }
        let map = heatmap(title: title, metric)
        let parts: [Printout.Part] = [.lines(lines + [""]), .map(map), .lines([""])]
        if let estimate, !estimate.cells.isEmpty { return parts + estimate.parts }
        return parts + [map.strongestPart(effectIntervals, of: estimate == nil ? "" : " estimates")]
    }

    private func heatmap(title: String, _ metric: Metric) -> Heatmap {
        Heatmap(title: title, columns: heatmapColumns, values: effects, unit: unit(of: metric))
    }

    private func unit(of metric: Metric) -> String { scale == .original && !metric.isRelative ? " nats" : " %" }

    /// The map as a picture, with as many decimals as in the text.
    func chart(title: String, metric: Metric, scale: Double) -> MapChart {
        let names: [String]? =
            switch columns {
            case .heads: nil
            case .positions(let positions): positions.map(\.description)
            case .single: [""]
            }
        return MapChart(
            title: title, values: effects, intervals: effectIntervals, columns: names, scale: scale,
            unit: unit(of: metric), decimals: heatmap(title: title, metric).decimals,
            xLabel: (names?.count ?? 0) > 1 ? "position" : nil)
    }

    /// A line for each cell, which for estimates ends with the exact effects of the cells that have one.
    func csvLines(_ prefix: String = "") -> [String] {
        let exact = estimate.map { Dictionary($0.cells.map { ($0.name, $0.exact.effect) }) { first, _ in first } }
        return layers.enumerated().flatMap { layer, cells in
            cells.enumerated().map { column, cell in
                let name =
                    switch columns {
                    case .heads: "\(column)"
                    case .positions(let positions): positions[column].description
                    case .single: ""
                    }
                let found = exact?[self.name(ofCell: layer * cells.count + column), default: Estimate(value: nil)]
                return "\(prefix)\(layer),\(name),\(cell.csv)" + (found.map(Self.csv(exact:)) ?? "")
            }
        }
    }

    static func csv(exact effect: Estimate) -> String { effect.csvFields.map { "," + $0 }.joined() }

    /// Of a cell's fields.
    var csvHeader: String {
        PatchEffects.Cell.csvHeader + (estimate == nil ? "" : ",exact,exact_low,exact_high")
    }
}

extension Heatmap {
    /// The strongest cells by name.
    ///
    /// - Parameters:
    ///   - intervals: in the shape of the map.
    ///   - what: what the cells are, after the word strongest.
    func strongestPart(_ intervals: [[[Double]?]], of what: String = "") -> Printout.Part {
        let bounds = intervals.map { $0.map { $0.informativeBounds.map { $0[0]...$0[1] } } }
        return .lines(
            ["strongest\(what), with 95 % intervals"] + strongest(isLarge ? 10 : 8, ci95: bounds).map { "  \($0)" })
    }
}

extension EstimateCheck {
    /// The measured cells, the strongest estimate first, and how near the estimates came.
    var parts: [Printout.Part] {
        var table = TextTable(header: ["measured", "estimate, %", "effect, %", "95 % interval"])
        table.rows = cells.sorted { abs($0.estimate ?? 0) > abs($1.estimate ?? 0) }.map {
            [$0.name, Estimate(value: $0.estimate).cell(2)] + $0.exact.effect.cells(2)
        }
        return [
            .lines(["the \(cells.count) strongest estimates, and what was measured"]), .table(table),
            .lines([
                "rank correlation of estimate and effect  \(rankCorrelation.text(2))",
                "error of the estimate, % points  mean \(Estimate(value: meanError).cell(2)), largest "
                    + Estimate(value: largestError).cell(2),
            ]),
        ]
    }
}

extension PatchEffects.Gap {
    var lines: [String] {
        ["counterfactuals   \(counterfactual.text(3))", "gap               \(whole.text(3))"] + caveat
    }

    var caveat: [String] { note.map { [$0.explanation(whole: "the gap")] } ?? [] }
}

extension PatchEffects.Cell {
    static let csvHeader =
        "patched,patched_low,patched_high,effect,effect_low,effect_high,recovered,recovered_low,recovered_high"

    var csv: String {
        [patched, effect, recovered ?? Estimate(value: nil)].flatMap(\.csvFields).joined(separator: ",")
    }
}

extension PatchResults {
    /// A map, or one for each direction.
    func printout(_ options: PatchExperiment, on prompts: String) -> Printout {
        let metric = options.metric ?? .logitDifference
        let blocks = maps(options, on: prompts).map { title, results in
            switch results {
            case .map(let map): map.parts(title: title, metric: metric)
            case .direction(let direction): direction.parts(title: title, metric: metric)
            }
        }
        return Printout(blocks: blocks)
    }

    /// The maps on one scale.
    func chart(_ options: PatchExperiment, on prompts: String) -> any Chart {
        let metric = options.metric ?? .logitDifference
        let all = maps(options, on: prompts).map { title, results in
            switch results {
            case .map(let map): (title, map)
            case .direction(let direction): (title, direction.map)
            }
        }
        let scale = MapChart.scale(of: all.map(\.1.effects))
        let charts = all.map { $1.chart(title: $0, metric: metric, scale: scale) }
        return charts.count == 1 ? charts[0] : ChartSheet(title: "Cross-model patching", charts)
    }

    private enum Results {
        case map(PatchMap), direction(CrossModelResults)
    }

    private func maps(_ options: PatchExperiment, on prompts: String) -> [(title: String, results: Results)] {
        let effect =
            (options.estimate == nil ? "" : "estimated ")
            + "effect in \(options.scale.unit(of: options.metric ?? .logitDifference))"
        switch (self, options.mode) {
        case (.map(let map), .activation(let options)):
            let (from, to) = options.denoise ? ("prompt", "counterfactual") : ("counterfactual", "prompt")
            let positions =
                options.positions.count == 1 || options.site.isPerHead
                ? " at \(options.positions.map(\.description).joined(separator: ","))" : ""
            return [("\(options.site.rawValue)\(positions) from \(from) into \(to): \(effect), \(prompts)", .map(map))]
        case (.map(let map), .path(let options)):
            let receivers = options.receivers.map(\.description).joined(separator: " ")
            return [("\(options.sender.rawValue) → \(receivers): \(effect), \(prompts)", .map(map))]
        case (.directions(let directions), .crossModel(let options)):
            let components = options.components.map(\.rawValue).joined(separator: ",")
            return options.directions.compactMap { direction in
                directions[direction.rawValue].map {
                    ("\(components), \(direction.rawValue): \(effect), \(prompts)", .direction($0))
                }
            }
        default: return []
        }
    }

    /// The command to try next.
    func next(_ options: PatchExperiment, donor: String?, model: String) -> String {
        switch (self, options.mode) {
        case (.map(let map), .path(let path)) where path.receivers == [.logits] && path.sender == .heads:
            let movers = map.layers.enumerated().flatMap { layer, cells in
                cells.enumerated().map { (head: Head(layer, $0), effect: $1.effect.value ?? 0) }
            }.sorted { $0.effect < $1.effect }.prefix(3).map(\.head.description)
            return "ioi patch --mode path --receiver q:\(movers.joined(separator: ","))@END\(model)"
        case (_, .activation): return "ioi patch --mode path --receiver logits\(model)"
        case (_, .path): return "ioi circuit discover --save found.json\(model)"
        case (_, .crossModel): return "ioi heads\(model) --donor \(donor?.shellWord ?? "")"
        }
    }

    var csv: String {
        switch self {
        case .map(let map):
            return csvTable("layer,column," + map.csvHeader, map.csvLines())
        case .directions(let directions):
            let lines = directions.sorted { $0.key < $1.key }.flatMap { direction, results in
                let rest = results.map.estimate.map { _ in PatchMap.csv(exact: Estimate(value: nil)) } ?? ""
                return results.map.csvLines("\(direction),")
                    + results.sets.map { "\(direction),,\($0.name.csvField),\($0.cell.csv)\(rest)" }
            }
            let header = directions.values.first?.map.csvHeader ?? PatchEffects.Cell.csvHeader
            return csvTable("direction,layer,column," + header, lines)
        }
    }
}

extension CrossModelResults {
    func parts(title: String, metric: Metric) -> [Printout.Part] {
        let parts = map.parts(title: title, metric: metric)
        guard !sets.isEmpty else { return parts }
        var table = TextTable(header: [
            "together", "heads", map.estimate == nil ? "effect, %" : "estimated effect, %", "95 % interval",
            "recovered, %", "95 % interval",
        ])
        table.rows = sets.map { set in
            [set.name, "\(set.heads.count)"]
                + (set.note.map { [$0.rawValue, ""] } ?? set.cell.effect.cells(1))
                + (set.cell.recovered?.cells(1, times: 100) ?? ["·", ""])
        }
        var lines: [Printout.Part] = []
        if let random, map.gap?.note == nil {
            lines = [
                .lines([
                    "\(random.count) random sets like the circuit, layer by layer: mean effect "
                        + "\(decimal(random.mean, 1)) %, from \(decimal(random.effects.first!, 1)) to "
                        + "\(decimal(random.effects.last!, 1)); \(decimal(100 * random.share, 0)) % of them are nearer "
                        + "to zero than the circuit"
                ])
            ]
        }
        return parts + [.lines([""]), .table(table)] + lines
    }
}
