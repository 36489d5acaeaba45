extension ReproductionReportBuilder {
    /// The heads of a model.
    private struct Profile {
        let model: PlanModel
        let heads: HeadProfile
        /// With the base model; nil for the base model itself.
        let comparison: HeadComparison?

        var classes: HeadClassification? { heads.classification }
    }

    /// The scatter plots show this many of the strongest movers of each class.
    private static let drawnMovers = 3
    /// The scatter plots show this many prompts.
    private static let drawnPrompts = 200

    /// The heads of each model: their classes, what they write, and what they attend to.
    mutating func heads() -> Section? {
        let profiles = read(.heads, of: HeadsExperiment.self).map {
            Profile(model: $0.model, heads: $0.results.donor ?? $0.results.model, comparison: $0.results.comparison)
        }
        guard !profiles.isEmpty else { return nil }
        let difference = task == nil ? "" : ", the mean logit of the right tokens minus that of the wrong ones,"
        addHeadsTable(profiles)
        var body = HTMLPage.paragraph(
            "Heads are classified by their behaviour; the results files hold the thresholds and the evidence. Direct logit "
                + "attribution splits the logit difference\(difference) into what each head writes, through each prompt's final "
                + "LayerNorm."
        )
        body += classTables(profiles) + overEpochs(profiles) + attention(profiles) + positionAttention(profiles)
        let last = profiles.filter { isLast($0.model, of: profiles.map(\.model)) }
        let movers = drawnHeads(profiles)
        body += maps(last)
        var pictures = ""
        for profile in last where !movers.isEmpty {
            pictures += stageBlock(profile.model, HTMLPage.figures(scatters(of: movers, profile, last)))
        }
        body += HTMLPage.folded("Attention against writing, of the strongest movers", pictures)
        return Section(title: "Heads", body: body + twinning(profiles))
    }

    private mutating func addHeadsTable(_ profiles: [Profile]) {
        let relations = TaskAttention.Relation.allCases
        let names = ["attribution"] + relations.map(\.rawValue) + ["rho", "copying", "pattern_distance"]
        addTable(
            "heads", ["model", "head", "class"] + names.flatMap { [$0, "\($0)_low", "\($0)_high"] } + ["delta_ov"],
            profiles.flatMap { profile in
                (profile.classes?.heads ?? []).map { classed in
                    let (head, heads, comparison) = (classed.head, profile.heads, profile.comparison)
                    let maps =
                        [heads.attribution?.heads] + relations.map { heads.attention?.heads[$0] }
                        + [heads.scatter?.correlation, heads.copying?.copying, comparison?.patternDistance]
                    return [profile.model.description, head.description, classed.kind.rawValue]
                        + maps.flatMap { Self.full($0?[head]) }
                        + [Self.full(comparison?.weights.ov.relative[head.layer][head.index])]
                }
            }
        )
    }

    // MARK: Classes

    private mutating func classTables(_ profiles: [Profile]) -> String {
        let isIOI = profiles.contains { $0.heads.attention != nil }
        let kinds = HeadClassification.Kind.allCases.filter { $0 != .none && $0.applies(toIOI: isIOI) }
        let rows = profiles.map { profile in
            (
                profile.model,
                kinds.map { kind in
                    guard let classes = profile.classes, !classes.unsettled.contains(kind) else { return "undecided" }
                    return classes.heads(of: kind).map(\.description).joined(separator: " ")
                }
            )
        }
        let header = ["model", "head", "from", "to"]
        let changes = profiles.flatMap { profile in
            (profile.comparison?.transitions ?? []).map {
                (model: profile.model, cells: [$0.head.description, $0.from.rawValue, $0.to.rawValue])
            }
        }
        addTable("class-changes", header, changes.map { [$0.model.description] + $0.cells })
        return modelTable(
            "Heads by behaviour", ["model"] + kinds.map(\.rawValue), rows, heads: Set(1...kinds.count))
            + HTMLPage.folded(
                "The \(changes.count) changes of class",
                modelTable("Heads whose class changed", header, changes, heads: [1]))
    }

    /// The attention from END of the circuit's classes.
    private mutating func attention(_ profiles: [Profile]) -> String {
        let relations: [TaskAttention.Relation] = [.endToIO, .endToS1, .endToS2]
        let rows = profiles.flatMap { profile in
            (profile.heads.classAttention ?? []).map { (model: profile.model, attention: $0) }
        }
        guard !rows.isEmpty else { return "" }
        addTable(
            "class-attention",
            ["model", "class"] + relations.map(\.rawValue).flatMap { [$0, "\($0)_low", "\($0)_high"] },
            rows.map { model, attention in
                [model.description, attention.name] + relations.flatMap { Self.full(attention[$0]) }
            }
        )
        return HTMLPage.folded(
            "Attention of the circuit's classes",
            HTMLPage.paragraph("From END to IO and to both occurrences of S: the mean over the heads of each class.")
                + modelTable(
                    "Attention from END", ["model", "class"] + ["IO", "S1", "S2"].flatMap { [$0, "95 % interval"] },
                    rows.map { model, attention in
                        (model, [attention.name] + relations.flatMap { FigureFormat.number.cells(attention[$0]) })
                    }, numbers: Set(2...7)
                ))
    }

    /// The attention from END, on prompts of another task, of the heads that write in the base model.
    private mutating func positionAttention(_ profiles: [Profile]) -> String {
        guard let base = profiles.first(where: { $0.model == .base }), let maps = base.heads.positionAttention else {
            return ""
        }
        let names = maps.keys.sorted()
        let rows = profiles.flatMap { profile in
            [HeadClassification.Kind.writer, .negativeWriter].compactMap { kind -> (PlanModel, String, [Double])? in
                guard let heads = base.classes?.heads(of: kind), !heads.isEmpty else { return nil }
                let means = names.map { name in
                    heads.map { profile.heads.positionAttention?[name]?[$0].mean ?? .nan }.mean
                }
                return (profile.model, kind.rawValue, means)
            }
        }
        guard !rows.isEmpty else { return "" }
        addTable(
            "position-attention", ["model", "class"] + names,
            rows.map { [$0.description, $1] + $2.map { Self.full($0) } }
        )
        return "<h3>Attention of the heads that write</h3>"
            + HTMLPage.paragraph(
                "From END to each named position: the mean over the heads that have the class in \(record.model.name).")
            + modelTable(
                "Attention from END", ["model", "class"] + names,
                rows.map { ($0, [$1] + $2.map { $0.fixed(3) }) },
                numbers: Set(2..<2 + names.count)
            )
    }

    // MARK: Over epochs

    /// The behaviour in every model of the heads that have a class in the base model.
    private mutating func overEpochs(_ profiles: [Profile]) -> String {
        guard let base = profiles.first(where: { $0.model == .base })?.classes else { return "" }
        func mean(_ relation: TaskAttention.Relation) -> (HeadProfile, [Head]) -> Double? {
            { profile, heads in heads.map { profile.attention?.heads[relation]?[$0].value ?? 0 }.mean }
        }
        func sum(_ profile: HeadProfile, _ heads: [Head]) -> Double? {
            profile.attribution.map { attribution in heads.reduce(0) { $0 + (attribution.heads[$1].value ?? 0) } }
        }
        let charts: [(String, String, HeadClassification.Kind, (HeadProfile, [Head]) -> Double?)] = [
            ("movers-attribution", "Written by name movers", .nameMover, sum),
            ("negative-attribution", "Written by negative movers", .negative, sum),
            ("writers-attribution", "Written by writers", .writer, sum),
            ("negative-writers-attribution", "Written by negative writers", .negativeWriter, sum),
            ("movers-attention", "Attention END→IO of name movers", .nameMover, mean(.endToIO)),
            ("inhibition-attention", "Attention END→S2 of S-inhibition", .inhibition, mean(.endToS2)),
        ]
        var pictures: [String] = []
        for (name, title, kind, figure) in charts {
            let heads = base.heads(of: kind)
            guard !heads.isEmpty else { continue }
            let figures = Dictionary(
                profiles.compactMap { profile in
                    figure(profile.heads, heads).map { (profile.model, Estimate(value: $0)) }
                }, uniquingKeysWith: { $1 }
            )
            let names = heads.map(\.description).joined(separator: " ")
            pictures.append(add(name, chart("\(title) (\(names))", figures).svg))
        }
        guard !pictures.isEmpty else { return "" }
        return HTMLPage.paragraph(
            "The heads that have these classes in \(record.model.name), over epochs: the sum of what they write to the logit "
                + "difference, and their mean attention. The table heads.csv has each head with its intervals."
        ) + HTMLPage.figures(pictures)
    }

    // MARK: Maps and scatter plots

    /// The strongest movers of the base model, or of the first model.
    private func drawnHeads(_ profiles: [Profile]) -> [Head] {
        guard let base = profiles.first(where: { $0.model == .base }) ?? profiles.first else { return [] }
        func size(_ head: Head) -> Double { abs(base.heads.attribution?.heads[head].value ?? 0) }
        return [HeadClassification.Kind.nameMover, .negative].flatMap { kind in
            (base.classes?.heads(of: kind) ?? []).sorted { size($0) > size($1) }.prefix(Self.drawnMovers).sorted()
        }
    }

    /// What the heads of each model write, and how far they are from the base model's.
    private mutating func maps(_ profiles: [Profile]) -> String {
        func percent<Value>(_ map: [[Value?]], _ scaled: (Value) -> Value) -> [[Value?]] {
            map.map { $0.map { $0.map(scaled) } }
        }
        let written = profiles.compactMap { profile in profile.heads.attribution.map { (profile.model, $0.heads) } }
        let scale = MapChart.scale(of: written.map(\.1.value))
        for (model, map) in written {
            let chart = MapChart(
                title: "written by each head of \(model)", values: map.value, intervals: map.ci95, scale: scale,
                unit: "",
                decimals: 2)
            _ = add("\(model)-heads-1", chart.svg)
        }
        let panels = profiles.map { profile -> (PlanModel, [SmallMap]) in
            var maps: [SmallMap] = []
            if let map = profile.heads.attribution?.heads {
                maps.append(
                    SmallMap(
                        title: "written", values: map.value, intervals: map.ci95, scale: scale, unit: "", decimals: 2))
            }
            if let comparison = profile.comparison {
                let distance = comparison.patternDistance
                maps.append(
                    SmallMap(
                        title: "attention moved", values: percent(distance.value) { 100 * $0 },
                        intervals: percent(distance.ci95) { $0.map { 100 * $0 } }, scale: 100))
                maps.append(
                    SmallMap(
                        title: "‖ΔOV‖ of ‖OV‖", values: percent(comparison.weights.ov.relative) { 100 * $0 }, scale: 100
                    ))
            }
            return (profile.model, maps)
        }.filter { !$0.1.isEmpty }
        guard !panels.isEmpty else { return "" }
        return HTMLPage.paragraph(
            "What each head writes to the logit difference; the share of its attention from END that is on other tokens than in "
                + "the base model; and how far its OV matrix is from the base model's, in per cent of it."
        ) + HTMLPage.inline(MapLegend(scale: scale, unit: "", label: "written to the logit difference").svg)
            + HTMLPage.inline(MapLegend(scale: 100, unit: " %", label: "attention moved, ‖ΔOV‖ of ‖OV‖").svg)
            + self.panels(panels)
    }

    /// A scatter plot of each mover, on the axes of the same head in all models.
    private mutating func scatters(of heads: [Head], _ profile: Profile, _ all: [Profile]) -> [String] {
        var pictures: [String] = []
        for head in heads {
            guard let series = points(of: head, profile.heads) else { continue }
            let correlation = FigureFormat.number.cells(profile.heads.scatter!.correlation[head])
            let chart = ScatterChart(
                title: "\(head) in \(profile.model)",
                subtitle: "\(profile.classes?[head].kind.rawValue ?? ""), ρ \(correlation[0]) \(correlation[1])",
                xLabel: "attention from END to the name", yLabel: "y: written in the direction of the name",
                series: series, onAxesOf: all.compactMap { points(of: head, $0.heads) }
            )
            pictures.append(add("\(profile.model)-scatter-\(head)", chart.svg))
        }
        return pictures
    }

    private func points(of head: Head, _ profile: HeadProfile) -> [ScatterChart.Series]? {
        guard let points = profile.scatter?.perPrompt else { return nil }
        func series(_ name: String, _ x: [[[Double]]], _ y: [[[Double]]]) -> ScatterChart.Series {
            let (x, y) = (x[head.layer][head.index], y[head.layer][head.index])
            return ScatterChart.Series(name: name, points: zip(x, y).prefix(Self.drawnPrompts).map { ($0, $1) })
        }
        let both = [
            series("IO", points.attentionToIO, points.projectionOnIO),
            series("S", points.attentionToS, points.projectionOnS),
        ]
        return both.contains { !$0.points.isEmpty } ? both : nil
    }

    // MARK: Twinning

    private func twinning(_ profiles: [Profile]) -> String {
        let rows = profiles.flatMap { profile in
            (profile.comparison?.twinning ?? []).map { twins in
                (
                    profile.model,
                    [twins.nameMover.description, twins.negativeNameMover.description]
                        + [twins.model, twins.donor, twins.change].flatMap(FigureFormat.number.cells)
                )
            }
        }
        guard !rows.isEmpty else { return "" }
        let (mover, negative) = task == nil ? ("name mover", "negative mover") : ("writer", "negative writer")
        return "<h3>Twinning</h3>"
            + HTMLPage.paragraph(
                "How closely a \(mover) and a \(negative) go together: the correlation over prompts of what they write to "
                    + "the logit difference, before and after fine-tuning, and of the changes."
            )
            + modelTable(
                "Pairs of heads",
                [
                    "model", mover, "negative", "ρ before", "95 % interval", "ρ after", "95 % interval",
                    "ρ of changes", "95 % interval",
                ], rows, numbers: Set(3...8), heads: [1, 2]
            ) + twinningMeans(profiles)
    }

    private func twinningMeans(_ profiles: [Profile]) -> String {
        let rows = profiles.compactMap { profile in
            profile.comparison?.twinningMean.flatMap { mean in
                mean.pairs == 0
                    ? nil
                    : (
                        model: profile.model,
                        cells: ["\(mean.pairs)"]
                            + [mean.model, mean.donor, mean.change].flatMap(FigureFormat.number.cells)
                    )
            }
        }
        guard !rows.isEmpty else { return "" }
        return HTMLPage.paragraph("The mean over all pairs of heads that have these classes in \(record.model.name).")
            + modelTable(
                "Means over pairs",
                [
                    "model", "pairs", "ρ before", "95 % interval", "ρ after", "95 % interval", "ρ of changes",
                    "95 % interval",
                ], rows, numbers: Set(1...7)
            )
    }
}
