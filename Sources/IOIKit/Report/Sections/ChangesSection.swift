extension ReproductionReportBuilder {
    private typealias Sweep = (name: String, results: CrossModelResults)

    /// Cross-model patching from each trained model into the base model.
    mutating func changes() -> Section? {
        let all = [Plan.Measure.Kind.patterns, .outputs, .queries].map { ($0.rawValue, sweeps($0)) }
        let models = record.measurements.map(\.model).unique.compactMap { model -> (PlanModel, [Sweep])? in
            let sweeps = all.compactMap { name, results in results[model].map { Sweep(name, $0) } }
            return sweeps.isEmpty ? nil : (model, sweeps)
        }
        guard !models.isEmpty else { return nil }
        let scale = MapChart.scale(of: models.flatMap { $0.1.map(\.results.map.effects) })
        addTable(
            "changes", ["model", "component", "set", "heads", "effect", "recovered", "low", "high"],
            models.flatMap { model, sweeps in
                sweeps.flatMap { name, results in
                    results.sets.map { set in
                        [
                            model.description, name, set.name, "\(set.heads.count)", Self.full(set.cell.effect.value),
                        ] + Self.full(set.cell.recovered)
                    }
                }
            }
        )
        let scales = models.flatMap { $0.1.map(\.results.map.scale) }
        let same = task == nil ? "the same two names" : "the same tokens"
        let whole =
            scales.contains(.gap)
            ? " of the counterfactual gap, the \(metric.noun) minus that of \(same) on counterfactuals"
            : ""
        let intro = HTMLPage.paragraph(
            "Each head's attention pattern, its output z, or its query at END is patched from the fine-tuned model into the "
                + "base model on the same prompts. The maps show the change of the \(metric.noun) in per cent\(whole), all on "
                + "one scale. The share recovered is the part of the whole change that patching a set of heads brings about."
        )
        var details = ""
        let last = models.filter { isLast($0.0, of: models.map(\.0)) }
        for (model, sweeps) in models {
            // Each is a file; the page has those of the last model of each stage.
            let maps = maps(of: model, sweeps, scale: scale)
            if isLast(model, of: models.map(\.0)) { details += stageBlock(model, HTMLPage.figures(maps)) }
        }
        return Section(
            title: "Where the changes are",
            body: intro
                + panels(last.map { ($0.0, $0.1.map { ($0.name, $0.results.map) }) }, scale: scale) { model in
                    Self.summary(of: last.first { $0.0 == model }?.1 ?? [])
                } + HTMLPage.folded("Sets of heads patched together", sets(models))
                + HTMLPage.folded("The maps with figures", details)
        )
    }

    /// Such as "the circuit recovers 99.1 % by outputs".
    private static func summary(of sweeps: [Sweep]) -> String {
        let shares = sweeps.compactMap { name, results in
            results.sets.first { $0.name == "circuit" }.flatMap { set in
                set.note == nil
                    ? set.cell.recovered?.value.map { "\(FigureFormat.share.text($0)) by \(name)" } : nil
            }
        }
        return shares.isEmpty ? "" : "the circuit recovers \(shares.joined(separator: ", "))"
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

    private mutating func maps(of model: PlanModel, _ sweeps: [Sweep], scale: Double) -> [String] {
        var maps: [String] = []
        for (name, results) in sweeps {
            let unit = results.map.scale == .original ? "" : ", \(results.map.scale.unit())"
            let title = "\(name) of \(model) in \(record.model.name)\(unit)"
            maps.append(addMap("\(model)-\(name)", title, results.map, scale: scale))
        }
        return maps
    }

    private func sets(_ models: [(model: PlanModel, sweeps: [Sweep])]) -> String {
        let rows = models.flatMap { model, sweeps in
            sweeps.flatMap { name, results in
                results.sets.map { set in
                    (
                        model: model,
                        cells: [
                            name, set.name, "\(set.heads.count)",
                            set.note?.rawValue ?? FigureFormat.percent.text(set.cell.effect.value),
                        ] + FigureFormat.share.cells(set.cell.recovered)
                    )
                }
            }
        }
        return modelTable(
            "Sets of heads patched together",
            ["model", "component", "set", "heads", "change", "share recovered", "95 % interval"], rows,
            numbers: [3, 4, 5, 6]
        )
    }
}

extension ReproductionReportBuilder {
    /// Whether a model is the last of its stage among some.
    func isLast(_ model: PlanModel, of models: [PlanModel]) -> Bool {
        !models.contains { $0.stage == model.stage && $0.epoch > model.epoch }
    }

    /// A map of effects with figures.
    ///
    /// - Returns: the map for the page, whose small maps tell the intervals.
    mutating func addMap(_ name: String, _ title: String, _ map: PatchMap, scale: Double) -> String {
        func chart(hasTips: Bool) -> MapChart {
            MapChart(
                title: title, values: map.effects, intervals: map.effectIntervals, scale: scale, hasTips: hasTips)
        }
        _ = add(name, chart(hasTips: true).svg)
        return chart(hasTips: false).svg
    }

    /// HTML under the name of a model, which is hidden with the model's stage.
    func stageBlock(_ model: PlanModel, _ body: String) -> String {
        "<div\(HTMLPage.attribute("data-stage", model.stage))><h4>\(palette.name(model))</h4>\(body)</div>"
    }

    /// Small maps of effects in several models on one scale, with its legend.
    ///
    /// - Parameters:
    ///   - models: each with its maps by name.
    ///   - scale: the value of the deepest colour.
    ///   - words: a line below the maps of a model.
    func panels(
        _ models: [(model: PlanModel, maps: [(name: String, map: PatchMap)])],
        scale: Double,
        words: (PlanModel) -> String = { _ in "" }
    ) -> String {
        let maps = models.map { model, maps in
            (model, maps.map { SmallMap(title: $0, values: $1.effects, intervals: $1.effectIntervals, scale: scale) })
        }
        return HTMLPage.inline(MapLegend(scale: scale, unit: " %", label: "change of the \(metric.noun)").svg)
            + panels(maps, words: words)
    }

    /// Small maps in a grid, side by side for each model.
    func panels(_ models: [(model: PlanModel, maps: [SmallMap])], words: (PlanModel) -> String = { _ in "" }) -> String
    {
        let panels = models.map { model, maps in
            "<div class=\"panel\"\(HTMLPage.attribute("data-stage", model.stage))><h4>\(palette.name(model))</h4>"
                + "<div class=\"maps\">\(maps.map { HTMLPage.inline($0.svg) }.joined())</div><p>\(words(model).xml)</p></div>"
        }
        // Wide maps stand side by side all the same.
        let row = models.map { $0.maps.reduce(0) { $0 + $1.width + 10 } }.max() ?? 0
        let isWide = models.contains { $0.maps.contains(where: \.isWide) }
        let style = isWide ? " style=\"--panel: \(SVG.number(row.rounded(.up)))px\"" : ""
        return "<div class=\"panels\"\(style)>\(panels.joined(separator: "\n"))</div>"
    }
}

extension Sequence where Element: Hashable {
    /// The distinct elements, by first occurrence.
    fileprivate var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
