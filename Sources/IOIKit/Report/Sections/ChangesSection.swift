extension ReproductionReportBuilder {
    private typealias Sweep = (name: String, results: CrossModelResults)

    /// Cross-model patching from each trained model into the base model.
    mutating func changes() -> Section? {
        let all = [Plan.Measure.Kind.patterns, .outputs, .queries].map { ($0.rawValue, sweeps($0)) }
        guard all.contains(where: { !$0.1.isEmpty }) else { return nil }
        var (sections, rows) = ("", [[String]]())
        for model in record.measurements.map(\.model).unique {
            let sweeps = all.compactMap { name, results in results[model].map { Sweep(name, $0) } }
            guard !sweeps.isEmpty else { continue }
            sections += "<h3>\(model.description.xml)</h3>" + HTMLPage.figures(maps(of: model, sweeps)) + sets(sweeps)
            for (name, results) in sweeps {
                rows += results.sets.map { set in
                    [
                        model.description, name, set.name, "\(set.heads.count)", Self.full(set.cell.effect.value),
                    ] + Self.full(set.cell.recovered)
                }
            }
        }
        addTable("changes", ["model", "component", "set", "heads", "effect", "recovered", "low", "high"], rows)
        let scales = all.flatMap { $0.1.values.map(\.map.scale) }
        let same = task == nil ? "the same two names" : "the same tokens"
        let whole =
            scales.contains(.gap)
            ? " of the counterfactual gap, the \(metric.noun) minus that of \(same) on counterfactuals"
            : ""
        let intro = HTMLPage.paragraph(
            "Each head's attention pattern, its output z, or its query at END is patched from the fine-tuned model into the "
                + "base model on the same prompts. The maps show the change of the \(metric.noun) in per cent\(whole). "
                + "The share recovered is the part of the whole change that patching a set of heads brings about."
        )
        return Section(title: "Where the changes lie", body: intro + sections)
    }

    private mutating func sweeps(_ measure: Plan.Measure.Kind) -> [PlanModel: CrossModelResults] {
        let found = read(measure, of: PatchExperiment.self).compactMap { model, results in
            if case .directions(let directions) = results {
                directions[PatchExperiment.CrossModel.Direction.donorToHost.rawValue].map { (model, $0) }
            } else {
                nil
            }
        }
        return Dictionary(found) { first, _ in first }
    }

    /// The maps of a model on one scale.
    private mutating func maps(of model: PlanModel, _ sweeps: [Sweep]) -> [String] {
        let scale = MapChart.scale(of: sweeps.map(\.results.map.effects))
        var maps: [String] = []
        for (name, results) in sweeps {
            let unit = results.map.scale == .original ? "" : ", \(results.map.scale.unit())"
            let chart = MapChart(
                title: "\(name) of \(model) in \(record.model.name)\(unit)", values: results.map.effects,
                intervals: results.map.effectIntervals, scale: scale
            )
            maps.append(add("\(model)-\(name)", chart.svg))
        }
        return maps
    }

    private func sets(_ sweeps: [Sweep]) -> String {
        let rows = sweeps.flatMap { name, results in
            results.sets.map { set in
                [
                    name, set.name, "\(set.heads.count)",
                    set.note?.rawValue ?? FigureFormat.percent.text(set.cell.effect.value),
                ]
                    + FigureFormat.share.cells(set.cell.recovered)
            }
        }
        guard !rows.isEmpty else { return "" }
        return HTMLPage.table(
            ["component", "set", "heads", "change", "share recovered", "95 % interval"], rows, numbers: [2, 3, 4, 5]
        )
    }
}

extension Sequence where Element: Hashable {
    /// The distinct elements, by first occurrence.
    fileprivate var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
