import IOIKit

extension ComparisonResults {
    private static let names = [
        "logit_difference": "logit difference", "accuracy": "right over wrong", "top1": "right first of all",
        "io_probability": "P(IO)", "loss": "loss of the label", "probability_difference": "probability difference",
        "log_probability": "log P(right)", "model": "F(M)", "circuit": "F(C)", "ratio": "F(C) / F(M), %",
    ]
    /// The number of heads side by side.
    private static let shown = 6

    private static func name(_ figure: String) -> String { names[figure] ?? figure }

    /// Per cent for ratios.
    private static func factor(_ figure: String) -> Double { figure == "ratio" ? 100 : 1 }

    /// A table for each figure with a row for each model.
    ///
    /// - Parameter isNarrow: whether long names of runs are shortened, as far as they still tell runs apart.
    func printout(title: String, isNarrow: Bool) -> Printout {
        var parts: [Printout.Part] = [.lines([title])]
        for (measure, figures) in [("eval", evaluation), ("faithfulness", faithfulness)] {
            guard let figures else { continue }
            for figure in figures.figures { parts += [.lines([""]), .table(Self.table(figure))] }
            let notes = figures.figures.flatMap(\.models).compactMap { row in
                row.note.map { "\(row.model): \($0.explanation())" }
            }
            parts.append(.lines([""] + notes + [Self.note(figures.test, measure)]))
        }
        if let heads { parts += Self.parts(heads) }
        if let patterns { parts += Self.parts(patterns) }
        guard isNarrow else { return Printout(parts) }
        let names = models.map(\.name)
        let short = Dictionary(zip(names, Self.shortened(names))) { first, _ in first }
        return Printout(
            parts.map { part in
                guard case .table(var table) = part else { return part }
                table.rows = table.rows.map { [short[$0[0]] ?? $0[0]] + $0.dropFirst() }
                return .table(table)
            })
    }

    /// Names of at most 20 characters, or as many as tell them apart.
    private static func shortened(_ names: [String]) -> [String] {
        for length in 20... {
            let short = names.map { name -> String in
                guard name.count > length, let slash = name.lastIndex(of: "/") else { return name }
                let end = name[slash...]
                return name.prefix(max(length - end.count - 1, 3)) + "…" + end
            }
            if Set(short).count == names.count { return short }
        }
        return names
    }

    private static func note(_ test: Test, _ measure: String) -> String {
        let exchanges = test.isExact ? "all \(test.permutations)" : "\(test.permutations)"
        return "\(measure): p by \(test.name) (\(exchanges) exchanges), after Holm's correction over \(test.family) "
            + (test.family == 1 ? "comparison" : "comparisons")
    }

    private static func table(_ figure: Figure) -> TextTable {
        let factor = factor(figure.name)
        let digits = factor == 100 ? 1 : 3
        var table = TextTable(header: [name(figure.name), "", "95 % interval", "change", "95 % interval", "p (Holm)"])
        let isBaseMeaningless = figure.models[0].note == .meaningless
        table.rows = figure.models.map { row in
            guard row.note != .meaningless else { return [row.model, RatioNote.meaningless.rawValue] }
            return [row.model, row.estimate.cell(digits, times: factor), row.estimate.interval(digits, times: factor)]
                + ((isBaseMeaningless ? nil : row.change).map { change in
                    [
                        change.value.map { ($0 * factor).fixed(digits, isSigned: true) } ?? "·",
                        change.interval(digits, times: factor), text(p: row.holm),
                    ]
                } ?? [])
        }
        return table
    }

    private static func text(p: Double?) -> String {
        p.map { $0 < 0.0001 ? "<0.0001" : $0.fixed(4) } ?? ""
    }

    /// The heads whose figure is largest in some model, in the order of heads.
    private static func largest(_ maps: [HeadMap], _ count: Int = shown) -> [Head] {
        let heads = maps.first?.heads ?? []
        func size(_ head: Head) -> Double { maps.map { abs($0[head].value ?? 0) }.max()! }
        return heads.sorted { (-size($0), $0) < (-size($1), $1) }.prefix(count).sorted()
    }

    private static func parts(_ heads: Heads) -> [Printout.Part] {
        let columns = largest(heads.models.compactMap(\.change))
        var table = TextTable(
            header: ["written for the answer"] + columns.map(\.description) + ["changed"])
        table.rows = heads.models.map { row in
            [row.model]
                + columns.map { head in
                    guard let change = row.change else { return row.attribution[head].cell(3) }
                    let star = row.holm![head.layer][head.index] < 0.05 ? "*" : " "
                    return (change[head].value?.fixed(3, isSigned: true) ?? "·") + star
                } + [row.change == nil ? "" : "\(row.significant.count)"]
        }
        var lines = [
            "",
            "the first row: direct logit attribution; others: its change, * where p < 0.05; changed: heads with p < 0.05",
            note(heads.test, "heads"),
        ]
        for row in heads.models {
            guard let transitions = row.transitions else { continue }
            let list = transitions.map { "\($0.head) \($0.from.rawValue) → \($0.to.rawValue)" }
            lines.append(
                "\(row.model): "
                    + (list.isEmpty ? "no head's class changes" : "classes change: " + list.joined(separator: ", ")))
        }
        if !heads.unsettled.isEmpty {
            lines.append(
                "undecided in some model, because what they rest on was not measured or means nothing there: "
                    + heads.unsettled.map(\.rawValue).joined(separator: ", ")
            )
        }
        return [.lines([""]), .table(table), .lines(lines)]
    }

    private static func parts(_ patterns: [PatternsRow]) -> [Printout.Part] {
        let columns = largest(patterns.map(\.distance))
        var table = TextTable(header: ["attention elsewhere, %", "mean", "95 %"] + columns.map(\.description))
        table.rows = patterns.map { row in
            [row.model] + row.mean.cells(1, times: 100) + columns.map { row.distance[$0].cell(1, times: 100) }
        }
        return [.lines([""]), .table(table)]
    }

    /// The two heads that changed most, for a command to try next; nil if none was measured.
    var movedHeads: String? {
        let maps = patterns.map { $0.map(\.distance) } ?? heads?.models.compactMap(\.change)
        return maps.map { Self.largest($0, 2).map(\.description).joined(separator: ",") }
    }

    /// A picture of the first measure.
    func chart(of measure: Comparison.Measure, title: String) -> (any Chart)? {
        switch measure {
        case .evaluation: evaluation.map { Self.chart($0.figures[0], title: title) }
        case .faithfulness: faithfulness.map { Self.chart($0.figures[2], title: title) }
        case .heads:
            heads.map { heads in
                Self.maps(
                    heads.models.compactMap { row in row.change.map { (row.model, $0) } },
                    title: "What heads write for the answer: change from \(heads.models[0].model), \(title)",
                    isDiverging: true, label: "change of direct logit attribution")
            }
        case .patterns:
            patterns.map { rows in
                Self.maps(
                    rows.map { ($0.model, $0.distance) },
                    title: "Attention from END that is elsewhere than in \(models[0].name), \(title)",
                    isDiverging: false, label: "total variation distance")
            }
        }
    }

    private static func chart(_ figure: Figure, title: String) -> IntervalChart {
        let factor = factor(figure.name)
        let isShare = factor == 100
        let base = figure.models[0].estimate.value.map { $0 * factor }
        return IntervalChart(
            title: isShare
                ? "Faithfulness by model"
                : "\(name(figure.name).prefix(1).uppercased())\(name(figure.name).dropFirst()) by model",
            subtitle: title, axisLabel: isShare ? "F(C) / F(M)" : name(figure.name), unit: isShare ? "%" : "",
            decimals: isShare ? 1 : 3,
            references: base.map { [.init(value: $0, label: figure.models[0].model)] } ?? [],
            groups: [
                .init(
                    rows: figure.models.map { row in
                        .init(
                            label: row.model, value: row.note == .meaningless ? .nan : row.estimate.mean * factor,
                            interval: row.estimate.ci95.map { $0[0] * factor...$0[1] * factor },
                            note: row.note == .meaningless
                                ? RatioNote.meaningless.rawValue : row.holm.map { "p \(text(p: $0))" } ?? ""
                        )
                    })
            ]
        )
    }

    private static func maps(
        _ maps: [(name: String, map: HeadMap)], title: String, isDiverging: Bool, label: String
    ) -> PanelChart {
        let layers = maps.first?.map.value.count ?? 0
        let heads = maps.first?.map.value.first?.count ?? 0
        let limit = MapChart.scale(of: maps.map(\.map.value))
        return PanelChart(
            title: title, rows: (0..<layers).map(String.init), columns: (0..<heads).map(String.init),
            rowLabel: "layer", columnLabel: "head",
            bands: [
                .init(
                    maps.map { .init(title: $0.name, values: $0.map.value, intervals: $0.map.ci95) },
                    scale: .init(limit: limit, isDiverging: isDiverging, label: label))
            ], cell: 16
        )
    }

    /// A line for each measure, figure and model; those of heads and patterns are a head's.
    var csv: String {
        var lines: [String] = []
        func add(
            _ measure: String, _ figure: String, _ model: String, _ value: Estimate?, _ change: Estimate?, _ p: Double?,
            _ holm: Double?
        ) {
            let figures = (value ?? Estimate(value: nil)).csvFields + (change ?? Estimate(value: nil)).csvFields
            lines.append(
                ([measure, figure, model.csvField] + figures + [csvNumber(p), csvNumber(holm)]).joined(separator: ","))
        }
        for (measure, figures) in [("eval", evaluation), ("faithfulness", faithfulness)] {
            for figure in figures?.figures ?? [] {
                for row in figure.models {
                    add(measure, figure.name, row.model, row.estimate, row.change, row.p, row.holm)
                }
            }
        }
        for row in heads?.models ?? [] {
            for head in row.attribution.heads {
                add(
                    "heads", head.description, row.model, row.attribution[head], row.change?[head],
                    row.p?[head.layer][head.index], row.holm?[head.layer][head.index])
            }
        }
        for row in patterns ?? [] {
            add("patterns", "mean", row.model, row.mean, nil, nil, nil)
            for head in row.distance.heads {
                add("patterns", head.description, row.model, row.distance[head], nil, nil, nil)
            }
        }
        return csvTable("measure,figure,model,value,value_low,value_high,change,change_low,change_high,p,p_holm", lines)
    }
}

extension HeadMap {
    /// All heads of the map, in their order.
    fileprivate var heads: [Head] {
        value.indices.flatMap { layer in value[layer].indices.map { Head(layer, $0) } }
    }
}
