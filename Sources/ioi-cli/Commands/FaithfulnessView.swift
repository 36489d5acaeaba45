import IOIKit

extension FaithfulnessResults {
    /// The figures, their splits, the prompts with the largest differences, and the surface if it was measured.
    func printout(_ circuit: Circuit, on prompts: String, metric: Metric?) -> Printout {
        let whole = faithfulness
        var figures = TextTable(
            header: [prompts, "", "95 % interval"], leftColumns: [0, 3]
        )
        func row(_ name: String, _ figure: Estimate) -> [String] {
            [name, figure.cell(3, undefined: "undefined"), figure.interval(3)]
        }
        figures.rows = [
            row("F(M), the model", whole.model), row("F(C), the circuit", whole.circuit),
            row("|F(M) − F(C)|", whole.difference), ["F(C) / F(M)"] + whole.ratio.shareCells(whole.note),
        ]
        var lines: [String] = []
        if let note = whole.note { lines.append(note.explanation(of: metric)) }
        lines.append(
            "\(circuit.size), \(decimal(100 * sparsity, 2)) % of all (\(circuit.namesMLPs ? "node" : "head"), position) pairs"
                + (edgeSparsity.map { "; \(decimal(100 * $0, 2)) % of all edges" } ?? "")
        )
        if let null, whole.note != .meaningless {
            lines.append(
                "\(null.ratios.count) random circuits like it: \(decimal(100 * null.middle.lowerBound, 1)) to "
                    + "\(decimal(100 * null.middle.upperBound, 1)) % (middle 90 %); \(decimal(null.percentile, 0)) % of "
                    + "them are below it"
            )
        }
        var splits = TextTable(
            header: ["", "prompts", "F(M)", "F(C)", "F(C) / F(M)", "95 % interval"], leftColumns: [0, 6]
        )
        let groups = byOrder.merging(byGroup ?? [:]) { $1 }
        for (name, part) in groups.sorted(by: { $0.key < $1.key }) + byTemplate.sorted(by: { $0.key < $1.key }) {
            splits.rows.append(
                [
                    name, "\(part.count)", part.model.cell(3, undefined: ""), part.circuit.cell(3, undefined: ""),
                ] + part.ratio.shareCells(part.note))
        }
        var parts: [Printout.Part] = [.table(figures), .lines(lines + [""]), .table(splits)]
        let shares = zip(Self.quantileShares, quantiles).map { share, value in
            (share == 0 ? "least " : share == 1 ? "most " : "\(decimal(100 * share, 0)) % ") + decimal(value, 2)
        }
        lines = ["", "F(C) − F(M) of a prompt: " + shares.joined(separator: ", "), "worst:"]
        lines += worst.map { "  \(decimal($0.model, 2)) → \(decimal($0.circuit, 2))  \($0.id): \($0.text)" }
        parts.append(.lines(lines))
        // The surface consists of shares of the same F(M).
        if !surface.isEmpty, whole.note != .meaningless {
            parts += [.lines([""]), .chart(surfaceChart(circuit, on: prompts))]
        }
        return Printout(parts)
    }

    private func surfaceChart(_ circuit: Circuit, on prompts: String) -> IntervalChart {
        IntervalChart(
            surface: surface, size: circuit.size, of: prompts,
            isWholeMeaningless: faithfulness.note == .meaningless
        )
    }

    /// The surface if it was measured, else F of model and circuit, and the share that the circuit has of it.
    func chart(_ circuit: Circuit, on prompts: String, metric: Metric?) -> any Chart {
        guard surface.isEmpty else { return surfaceChart(circuit, on: prompts) }
        func row(_ name: String, _ figure: Estimate, times factor: Double = 1, note: String = "") -> IntervalChart.Row {
            IntervalChart.Row(
                label: name, value: figure.value.map { $0 * factor } ?? .nan,
                interval: figure.ci95.map { $0[0] * factor...$0[1] * factor }, note: note)
        }
        func share(_ name: String, _ part: Faithfulness) -> IntervalChart.Row {
            part.note == .meaningless
                ? IntervalChart.Row(label: name, value: .nan, note: RatioNote.meaningless.rawValue)
                : row(name, part.ratio, times: 100, note: part.note?.rawValue ?? "")
        }
        func shares(_ parts: [String: Faithfulness]) -> [IntervalChart.Row] {
            parts.sorted { $0.key < $1.key }.map { share($0.key, $0.value) }
        }
        let noun = (metric ?? .logitDifference).noun
        let title = "Faithfulness of a circuit of \(circuit.size)"
        let means = IntervalChart(
            title: "F: \(noun)", subtitle: prompts, axisLabel: noun, decimals: 3,
            groups: [
                .init(rows: [
                    row("F(M), the model", faithfulness.model), row("F(C), the circuit", faithfulness.circuit),
                ])
            ])
        var whole = share("all prompts", faithfulness)
        if let null, faithfulness.note != .meaningless {
            whole = IntervalChart.Row(
                label: whole.label, value: whole.value, interval: whole.interval,
                band: 100 * null.middle.lowerBound...100 * null.middle.upperBound, note: whole.note)
        }
        let groups: [(String?, [IntervalChart.Row])] = [
            (nil, [whole]), ("by order", shares(byOrder)), ("by group", shares(byGroup ?? [:])),
            ("by template", shares(byTemplate)),
        ]
        let ratios = IntervalChart(
            title: "F(C) / F(M)", axisLabel: "F(C) / F(M)", unit: "%", bandLabel: "middle 90 % of random circuits",
            references: [.init(value: 100, label: "the model")],
            groups: groups.filter { !$0.1.isEmpty }.map { .init(heading: $0.0, rows: $0.1) })
        return ChartSheet(title: title, [means, ratios], width: 900)
    }

    /// A line for the requested method and each method of the surface.
    func csv(_ method: CircuitMethod) -> String {
        let header =
            "granularity,positions,ablate,mean_group,abc_count,aggregate,model,circuit,ratio,ratio_low,ratio_high,"
            + "null_low,null_high,null_percentile,ratio_note"
        let null = null.map { [$0.middle.lowerBound, $0.middle.upperBound, $0.percentile] }
        let first = method.csv(
            [faithfulness.model.value, faithfulness.circuit.value], faithfulness.ratio, null, faithfulness.note
        )
        let others = surface.map { cell in
            let null = cell.nullRange.map { [$0[0], $0[1], cell.nullPercentile] }
            // F(M) is the same for all methods.
            return cell.method.csv([faithfulness.model.value, cell.circuit], cell.ratio, null, cell.note)
        }
        return csvTable(header, [first] + others)
    }
}

extension CircuitMethod {
    fileprivate func csv(_ means: [Double?], _ ratio: Estimate, _ null: [Double?]?, _ note: RatioNote?) -> String {
        let names = [
            granularity.rawValue, everywhere ? "all" : "circuit", ablation.kind.rawValue,
            ablation.kind == .mean ? ablation.group.rawValue : "", reference.map(String.init) ?? "",
            aggregation.rawValue,
        ]
        let numbers = means.map(csvNumber) + ratio.csvFields + (null ?? [nil, nil, nil]).map(csvNumber)
        return (names + numbers + [note?.rawValue ?? ""]).joined(separator: ",")
    }
}

extension RatioNote {
    /// - Parameter metric: what F(M) is the mean of; nil for the logit difference.
    func explanation(of metric: Metric?) -> String {
        guard let metric, !metric.isRelative else { return explanation() }
        return "F(M) is 0: the \(metric.noun) is that from the whole model; F(C) counts by itself"
    }
}

extension Estimate {
    /// A share and its interval in percent, and a note on the share: three cells of a table.
    func shareCells(_ note: RatioNote?) -> [String] {
        guard let value, note != .meaningless else { return [RatioNote.meaningless.rawValue, "", ""] }
        return [percent(value), interval(1, times: 100), note?.rawValue ?? ""]
    }
}
