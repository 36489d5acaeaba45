extension ReproductionReportBuilder {
    /// What each head of each model sends to the logits, by path patching.
    mutating func directEffects() -> Section? {
        let maps = read(.direct, of: PatchExperiment.self).compactMap { model, results in
            if case .map(let map) = results { (model: model, map: map) } else { nil }
        }
        guard !maps.isEmpty else { return nil }
        addTable(
            "direct-effects", ["model", "head", "effect", "low", "high"],
            maps.flatMap { model, map in
                map.layers.enumerated().flatMap { layer, cells in
                    cells.enumerated().map { head, cell in
                        [model.description, Head(layer, head).description] + Self.full(cell.effect)
                    }
                }
            }
        )
        let scale = MapChart.scale(of: maps.map(\.map.effects))
        var pictures = ""
        for (model, map) in maps {
            let unit = map.scale == .original ? "" : ", \(map.scale.unit())"
            let picture = addMap("\(model)-direct", "direct effects in \(model)\(unit)", map, scale: scale)
            pictures += stageBlock(model, HTMLPage.figures([picture]))
        }
        let intro = HTMLPage.paragraph(
            "The path from each head to the logits, directly or through MLPs, is patched with the counterfactual's values. The "
                + "maps show the change of the \(metric.noun) in per cent: a head that helps has a negative one."
        )
        return Section(
            title: "Direct effects",
            body: intro + panels(maps.map { ($0.model, [("direct effects", $0.map)]) }, scale: scale)
                + HTMLPage.folded("The maps with figures", pictures))
    }
}
