import IOIKit

extension FaithfulnessResults {
    /// For people: the figures, their splits, the prompts that fit worst, and the surface where there is one.
    func text(_ circuit: Circuit, on prompts: String) -> String {
        let whole = faithfulness
        var figures = TextTable(
            header: [prompts, "", "95 % interval"], leftColumns: [0, 3]
        )
        func row(_ name: String, _ figure: Estimate) -> [String] {
            [
                name, figure.value.map { decimal($0, 3) } ?? "undefined",
                figure.ci95.map { "[\(decimal($0[0], 3)), \(decimal($0[1], 3))]" } ?? "",
            ]
        }
        figures.rows = [
            row("F(M), the model", whole.model), row("F(C), the circuit", whole.circuit),
            row("|F(M) − F(C)|", whole.difference), ["F(C) / F(M)"] + whole.ratio.shareCells(whole.note),
        ]
        var lines = figures.lines
        if let note = whole.note { lines.append(note.explanation()) }
        lines.append(
            "\(circuit.heads.count) heads, \(decimal(100 * sparsity, 2)) % of all (head, position) pairs"
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
        for (name, part) in byOrder.sorted(by: { $0.key < $1.key }) + byTemplate.sorted(by: { $0.key < $1.key }) {
            splits.rows.append(
                [
                    name, "\(part.count)", part.model.value.map { decimal($0, 3) } ?? "",
                    part.circuit.value.map { decimal($0, 3) } ?? "",
                ] + part.ratio.shareCells(part.note))
        }
        lines += [""] + splits.lines
        let shares = zip(Self.quantileShares, quantiles).map { share, value in
            (share == 0 ? "least " : share == 1 ? "most " : "\(decimal(100 * share, 0)) % ") + decimal(value, 2)
        }
        lines += ["", "F(C) − F(M) of a prompt: " + shares.joined(separator: ", "), "worst:"]
        lines += worst.map { "  \(decimal($0.model, 2)) → \(decimal($0.circuit, 2))  \($0.id): \($0.text)" }
        // All methods' shares are of the same F(M).
        guard !surface.isEmpty, whole.note != .meaningless else { return lines.joined(separator: "\n") }
        let chart = chart(circuit, on: prompts)
        return (lines + ["", chart.text(width: Terminal.outputWidth, isColoured: Terminal.isColoured)])
            .joined(separator: "\n")
    }

    /// The surface as a picture.
    func chart(_ circuit: Circuit, on prompts: String) -> IntervalChart {
        IntervalChart(
            surface: surface, heads: circuit.heads.count, of: prompts,
            isWholeMeaningless: faithfulness.note == .meaningless
        )
    }

    /// A line for the method asked for and each one of the grid.
    func csv(_ method: CircuitMethod) -> String {
        let header =
            "granularity,positions,ablate,mean_group,abc_count,aggregate,model,circuit,ratio,ratio_low,ratio_high,"
            + "null_low,null_high,null_percentile,ratio_note\n"
        let null = null.map { [$0.middle.lowerBound, $0.middle.upperBound, $0.percentile] }
        let first = method.csv(
            [faithfulness.model.value, faithfulness.circuit.value], faithfulness.ratio, null, faithfulness.note
        )
        return header + first
            + surface.map { cell in
                let null = cell.nullRange.map { [$0[0], $0[1], cell.nullPercentile] }
                // All cells have the same F(M) but for how it is averaged.
                return cell.method.csv([faithfulness.model.value, cell.circuit], cell.ratio, null, cell.note)
            }.joined()
    }
}

extension CircuitMethod {
    fileprivate func csv(_ means: [Double?], _ ratio: Estimate, _ null: [Double?]?, _ note: RatioNote?) -> String {
        let names = [
            granularity.rawValue, everywhere ? "all" : "circuit", ablation.kind.rawValue,
            ablation.kind == .mean ? ablation.group.rawValue : "", reference.map(String.init) ?? "",
            aggregation.rawValue,
        ]
        let numbers = means + [ratio.value, ratio.ci95?[0], ratio.ci95?[1]] + (null ?? [nil, nil, nil])
        return (names + numbers.map { $0.map { "\($0)" } ?? "" } + [note?.rawValue ?? ""]).joined(separator: ",") + "\n"
    }
}

extension Estimate {
    /// A share and its interval in percent, and what has to be said beside it: three cells of a table.
    func shareCells(_ note: RatioNote?) -> [String] {
        guard let value, note != .meaningless else { return [RatioNote.meaningless.rawValue, "", ""] }
        let interval = ci95.map { "[\(decimal(100 * $0[0], 1)), \(decimal(100 * $0[1], 1))]" } ?? ""
        return [percent(value), interval, note?.rawValue ?? ""]
    }
}
