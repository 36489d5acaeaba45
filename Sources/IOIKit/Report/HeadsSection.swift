/// What heads do in the models of a plan, in its report.
extension ReportBuilder {
    /// The heads of a model.
    private struct Profile {
        let model: PlanModel
        let heads: HeadProfile
        /// With the plan's own model; nil of that itself.
        let comparison: HeadComparison?

        var classes: HeadClassification? { heads.classification }
    }

    private static let classes = HeadClassification.Kind.allCases.filter { $0 != .none }
    /// The movers whose points are drawn, the strongest of each class.
    private static let drawnMovers = 3
    /// The prompts whose points are drawn.
    private static let drawnPrompts = 200

    mutating func heads() -> HTMLPage.Section? {
        let profiles = read(.heads, of: HeadsExperiment.self).map {
            Profile(model: $0.model, heads: $0.results.donor ?? $0.results.model, comparison: $0.results.comparison)
        }
        guard !profiles.isEmpty else { return nil }
        addHeadTables(profiles)
        let intro = HTMLPage.paragraph(
            "A head is put in a class by what it does, with the thresholds and the evidence that the results files hold. "
                + "The logit difference is taken apart into what each head writes to it itself, through the final LayerNorm "
                + "of each prompt."
        )
        var body = intro + classTables(profiles) + courses(profiles)
        for (base, profile) in lastOfStages(profiles) { body += pictures(base, profile) }
        return HTMLPage.Section(title: "Heads", body: body + twinning(profiles))
    }

    // MARK: Classes

    private func classTables(_ profiles: [Profile]) -> String {
        let rows = profiles.map { profile in
            [profile.model.description]
                + Self.classes.map { kind in
                    guard let classes = profile.classes, !classes.unsettled.contains(kind) else { return "not settled" }
                    return classes.heads(of: kind).map(\.description).joined(separator: " ")
                }
        }
        let changes = profiles.flatMap { profile in
            (profile.comparison?.transitions ?? []).map {
                [profile.model.description, $0.head.description, $0.from.rawValue, $0.to.rawValue]
            }
        }
        return HTMLPage.table(["model"] + Self.classes.map(\.rawValue), rows)
            + (changes.isEmpty
                ? "" : "<h3>Changes of class</h3>" + HTMLPage.table(["model", "head", "from", "to"], changes))
    }

    // MARK: Over epochs

    /// What the heads that have a class in the plan's own model do in all models.
    private mutating func courses(_ profiles: [Profile]) -> String {
        guard let base = profiles.first(where: { $0.model == .base })?.classes else { return "" }
        func chart(
            _ name: String,
            _ title: String,
            _ kind: HeadClassification.Kind,
            _ figure: (HeadProfile, [Head]) -> Double?
        ) -> (name: String, chart: LineChart)? {
            let heads = base.heads(of: kind)
            guard !heads.isEmpty else { return nil }
            var points: [PlanModel: (y: Double, interval: [Double]?)] = [:]
            for profile in profiles {
                if let value = figure(profile.heads, heads) { points[profile.model] = (value, nil) }
            }
            let names = heads.map(\.description).joined(separator: " ")
            return (name, LineChart(title: "\(title) (\(names))", series: series(points)))
        }
        func mean(_ relation: TaskAttention.Relation) -> (HeadProfile, [Head]) -> Double? {
            { profile, heads in heads.map { profile.attention.heads[relation]?[$0].value ?? 0 }.mean }
        }
        func sum(_ profile: HeadProfile, _ heads: [Head]) -> Double? {
            profile.attribution.map { attribution in heads.reduce(0) { $0 + (attribution.heads[$1].value ?? 0) } }
        }
        let charts = [
            chart("movers-attribution", "Written by name movers", .nameMover, sum),
            chart("negative-attribution", "Written by negative movers", .negative, sum),
            chart("movers-attention", "Attention END→IO of name movers", .nameMover, mean(.endToIO)),
            chart("inhibition-attention", "Attention END→S2 of S-inhibition", .inhibition, mean(.endToS2)),
        ].compactMap { $0 }
        guard !charts.isEmpty else { return "" }
        var pictures: [String] = []
        for (name, chart) in charts { pictures.append(add(name, chart.svg)) }
        return HTMLPage.paragraph(
            "Over epochs, of the heads that have these classes in \(record.model.name): the sum of what they write to the "
                + "logit difference, and their mean attention. Each head's figure with its interval is in the table "
                + "heads.csv."
        ) + HTMLPage.figures(pictures)
    }

    // MARK: Maps and points

    /// The plan's own model, and the last of each stage, beside it.
    private func lastOfStages(_ profiles: [Profile]) -> [(base: Profile?, profile: Profile)] {
        let base = profiles.first { $0.model == .base }
        return profiles.filter { profile in
            !profiles.contains { $0.model.stage == profile.model.stage && $0.model.epoch > profile.model.epoch }
        }.map { ($0.model == .base ? nil : base, $0) }
    }

    private mutating func pictures(_ base: Profile?, _ profile: Profile) -> String {
        let body = "<h3>\(profile.model.description.xml)</h3>" + HTMLPage.figures(maps(base, profile))
        let drawn = (base ?? profile).classes.map { classes in
            [HeadClassification.Kind.nameMover, .negative].flatMap { kind in
                strongest(classes.heads(of: kind), (base ?? profile).heads)
            }
        }
        var charts: [[String]] = []
        for head in drawn ?? [] { charts.append(scatters(of: head, base, profile)) }
        // A head's two pictures stand side by side.
        let rows = base == nil ? [charts.flatMap { $0 }] : charts
        return body + rows.filter { !$0.isEmpty }.map(HTMLPage.figures).joined()
    }

    private func strongest(_ heads: [Head], _ profile: HeadProfile) -> [Head] {
        func size(_ head: Head) -> Double { abs(profile.attribution?.heads[head].value ?? 0) }
        return heads.sorted { size($0) > size($1) }.prefix(Self.drawnMovers).sorted()
    }

    /// What heads write, of both models on one scale, and how far they are from those of the first.
    private mutating func maps(_ base: Profile?, _ profile: Profile) -> [String] {
        let both = [base, profile].compactMap { $0 }.compactMap { profile in
            profile.heads.attribution.map { (profile.model, $0.heads) }
        }
        let scale = MapChart.scale(of: both.map(\.1.value))
        var maps = both.map { model, map in
            MapChart(
                title: "written by each head of \(model)", values: map.value, intervals: map.ci95, scale: scale,
                unit: "",
                decimals: 2
            )
        }
        if let comparison = profile.comparison {
            let distance = comparison.patternDistance
            maps.append(
                MapChart(
                    title: "attention from END that is elsewhere",
                    values: distance.value.map { $0.map { $0.map { 100 * $0 } } },
                    intervals: distance.ci95.map { $0.map { $0?.map { 100 * $0 } } }
                )
            )
            maps.append(
                MapChart(
                    title: "‖ΔOV‖ of ‖OV‖",
                    values: comparison.weights.ov.relative.map { $0.map { $0.map { 100 * $0 } } }
                )
            )
        }
        var pictures: [String] = []
        for (index, map) in maps.enumerated() { pictures.append(add("\(profile.model)-heads-\(index + 1)", map.svg)) }
        return pictures
    }

    private mutating func scatters(of head: Head, _ base: Profile?, _ profile: Profile) -> [String] {
        let both = [base, profile].compactMap { $0 }.compactMap { profile in
            points(of: head, profile.heads).map { (profile, $0) }
        }
        var pictures: [String] = []
        for (drawn, series) in both {
            let correlation = drawn.heads.scatter!.correlation[head]
            let bounds = Self.interval(correlation.ci95, decimals: 2)
            let chart = ScatterChart(
                title: "\(head) in \(drawn.model)",
                subtitle: "\(drawn.classes![head].kind.rawValue), ρ \(correlation.value?.fixed(2) ?? "–") \(bounds)",
                xLabel: "attention from END to the name", yLabel: "up: what the head writes of the name",
                series: series,
                onAxesOf: both.map(\.1)
            )
            pictures.append(
                drawn.model == profile.model ? add("\(profile.model)-scatter-\(head)", chart.svg) : chart.svg)
        }
        return pictures
    }

    private func points(of head: Head, _ profile: HeadProfile) -> [ScatterChart.Series]? {
        guard let points = profile.scatter?.perPrompt else { return nil }
        func series(_ name: String, _ x: [[[Double]]], _ y: [[[Double]]]) -> ScatterChart.Series {
            ScatterChart.Series(
                name: name,
                points: zip(x[head.layer][head.index], y[head.layer][head.index]).prefix(Self.drawnPrompts).map {
                    ($0, $1)
                }
            )
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
                [profile.model.description, twins.nameMover.description, twins.negativeNameMover.description]
                    + [twins.model, twins.donor, twins.change].flatMap {
                        [$0.value?.fixed(2) ?? "–", Self.interval($0.ci95, decimals: 2)]
                    }
            }
        }
        guard !rows.isEmpty else { return "" }
        return "<h3>Twinning</h3>"
            + HTMLPage.paragraph(
                "Whether a name mover and a negative one go together: the correlation over prompts of what they write to the "
                    + "logit difference, before and after, and of the changes."
            )
            + HTMLPage.table(
                [
                    "model", "name mover", "negative", "ρ before", "95 % interval", "ρ after", "95 % interval",
                    "ρ of changes", "95 % interval",
                ], rows, numbers: Set(3...8)
            )
    }

    // MARK: Tables

    private mutating func addHeadTables(_ profiles: [Profile]) {
        func cells(_ map: HeadMap?, _ head: Head) -> [String] {
            let figure = map?[head]
            return [figure?.value, figure?.ci95?[0], figure?.ci95?[1]].map(Self.full)
        }
        let relations = TaskAttention.Relation.allCases
        let names = ["attribution"] + relations.map(\.rawValue) + ["rho", "copying", "pattern_distance"]
        addTable(
            "heads", ["model", "head", "class"] + names.flatMap { [$0, "\($0)_low", "\($0)_high"] } + ["delta_ov"],
            profiles.flatMap { profile in
                (profile.classes?.heads ?? []).map { classed in
                    let (head, heads) = (classed.head, profile.heads)
                    return [profile.model.description, head.description, classed.kind.rawValue]
                        + cells(heads.attribution?.heads, head)
                        + relations.flatMap { cells(heads.attention.heads[$0], head) }
                        + cells(heads.scatter?.correlation, head) + cells(heads.copying?.copying, head)
                        + cells(profile.comparison?.patternDistance, head)
                        + [Self.full(profile.comparison?.weights.ov.relative[head.layer][head.index])]
                }
            }
        )
        addTable(
            "class-changes", ["model", "head", "from", "to"],
            profiles.flatMap { profile in
                (profile.comparison?.transitions ?? []).map {
                    [profile.model.description, $0.head.description, $0.from.rawValue, $0.to.rawValue]
                }
            }
        )
    }
}
