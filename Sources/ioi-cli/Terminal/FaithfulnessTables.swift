import IOIKit

extension FaithfulnessResults {
    /// For people: the figures, their splits, the prompts that fit worst, and the surface where there is one.
    func text(circuit: Circuit, _ dataset: Dataset) -> String {
        let whole = cell.faithfulness
        var figures = TextTable(
            header: ["\(dataset.count) \(dataset.name) prompts", "", "95 % interval"], leftColumns: [0, 3]
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
        if let null = cell.null, whole.note != .meaningless {
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
        let chart = chart(circuit: circuit, dataset)
        return (lines + ["", chart.text(width: Terminal.outputWidth, isColoured: Terminal.isColoured)])
            .joined(separator: "\n")
    }

    /// The surface as a picture.
    func chart(circuit: Circuit, _ dataset: Dataset) -> IntervalChart {
        IntervalChart(
            surface: surface.map { cell in
                SurfaceFigure(
                    method: cell.method, ratio: cell.faithfulness.ratio.value, ci95: cell.faithfulness.ratio.ci95,
                    note: cell.faithfulness.note, nullPercentile: cell.null?.percentile,
                    nullRange: cell.null.map { [$0.middle.lowerBound, $0.middle.upperBound] }
                )
            },
            heads: circuit.heads.count, of: "\(dataset.count) \(dataset.name) prompts",
            isWholeMeaningless: cell.faithfulness.note == .meaningless
        )
    }

    /// A line for the method asked for and each one of the grid.
    var csv: String {
        let header =
            "granularity,positions,ablate,mean_group,abc_count,aggregate,model,circuit,ratio,ratio_low,ratio_high,"
            + "null_low,null_high,null_percentile,ratio_note\n"
        return header
            + ([cell] + surface).map { cell in
                let (method, figures) = (cell.method, cell.faithfulness)
                let isMean = method.ablation.kind == .mean
                let numbers = [
                    figures.model.value, figures.circuit.value, figures.ratio.value, figures.ratio.ci95?[0],
                    figures.ratio.ci95?[1], cell.null?.middle.lowerBound, cell.null?.middle.upperBound,
                    cell.null?.percentile,
                ]
                let names = [
                    method.granularity.rawValue, method.everywhere ? "all" : "circuit", method.ablation.kind.rawValue,
                    isMean ? method.ablation.group.rawValue : "", method.reference.map(String.init) ?? "",
                    method.aggregation.rawValue,
                ]
                return (names + numbers.map { $0.map { "\($0)" } ?? "" } + [figures.note?.rawValue ?? ""])
                    .joined(separator: ",") + "\n"
            }.joined()
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
