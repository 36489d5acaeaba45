import IOIKit

extension HeadsResults {
    /// Where the logit difference comes from, what each head does, and how the donor differs.
    ///
    /// - Parameter all: whether heads without a role are shown.
    func printout(on prompts: String, all: Bool) -> Printout {
        var blocks = model.blocks(on: prompts, all: all)
        if let donor { blocks += [[.lines(["in the donor"])]] + donor.blocks(on: prompts, all: all) }
        if let comparison { blocks += comparison.blocks(prompts) }
        return Printout(blocks: blocks)
    }

    /// The maps that were measured, those of the same kind on one scale; nil if there are none.
    func chart(on prompts: String) -> (any Chart)? {
        let maps = [model.maps(of: "")] + (donor.map { [$0.maps(of: ", donor")] } ?? []) + [comparison?.maps ?? []]
        let all = maps.joined()
        let charts = all.map { map in
            let alike = all.filter { $0.isShare == map.isShare }.map(\.values)
            return MapChart(
                title: map.title, values: map.values, intervals: map.intervals,
                scale: map.isShare ? MapChart.scale(of: alike) : 1, unit: map.isShare ? " %" : "",
                decimals: map.isShare ? 1 : 2)
        }
        return charts.isEmpty ? nil : ChartSheet(title: "Heads, \(prompts)", charts)
    }

    /// The command to try next.
    func next(donor: String?, model flag: String) -> String {
        if let donor { return "ioi patch --mode cross-model\(flag) --donor \(donor.shellWord)" }
        let movers = model.classification!.heads(of: .nameMover).map(\.description).joined(separator: ",")
        return movers.isEmpty
            ? "ioi circuit discover\(flag)" : "ioi patch --mode path --receiver q:\(movers)@END\(flag)"
    }

    /// A line for each head.
    var csv: String {
        let columns = model.columns() + (donor?.columns("donor_") ?? []) + (comparison?.columns ?? [])
        let header = ["head"] + columns.flatMap(\.names)
        let lines = model.classification!.heads.map(\.head).map { head in
            ([head.description] + columns.flatMap { $0.cells(head) }).joined(separator: ",")
        }
        return csvTable(header.joined(separator: ","), lines)
    }
}

extension HeadProfile {
    fileprivate func blocks(on prompts: String, all: Bool) -> [[Printout.Part]] {
        var lines = [prompts, "logit difference  \(logitDifference.text(3))"]
        if let note { lines.append(note.explanation(whole: "the logit difference")) }
        var blocks: [[Printout.Part]] = [[.lines(lines)]]
        let hasShares = note != .meaningless
        if let attribution {
            blocks.append([.table(attribution.sources)])
            if hasShares { blocks += attribution.blocks(of: prompts) }
        }
        blocks.append(heads(all: all))
        if let classAttention { blocks.append(Self.parts(classAttention)) }
        if let backup { blocks.append([.lines(backup.lines(hasShares: hasShares))]) }
        return blocks
    }

    /// Maps that are drawn: shares of the logit difference in percent, and figures up to 1.
    ///
    /// - Parameter whose: the end of each title.
    fileprivate func maps(of whose: String) -> [DrawnMap] {
        var maps: [DrawnMap] = []
        func add(_ title: String, _ map: HeadMap?) {
            if let map { maps.append(DrawnMap(title: title + whose, values: map.value, intervals: map.ci95)) }
        }
        if note != .meaningless, let share = attribution?.share {
            maps.append(
                DrawnMap(
                    title: "written to the logit difference\(whose)", values: share.value, intervals: share.ci95,
                    isShare: true))
        }
        let titles: [TaskAttention.Relation: String] = [
            .endToIO: "attention from END to IO", .endToS1: "attention from END to S1",
            .endToS2: "attention from END to S2", .duplicate: "attention from S2 to S1",
            .induction: "attention from S2 to S1+1", .previous: "attention from S1+1 to S1",
        ]
        for relation in TaskAttention.Relation.allCases { add(titles[relation]!, attention?.heads[relation]) }
        for (name, map) in (positionAttention ?? [:]).sorted(by: { $0.key < $1.key }) {
            add("attention from END to \(name)", map)
        }
        add("correlation of attention and projection", scatter?.correlation)
        add("copying", copying?.copying)
        add("copying, negated", copying?.negative)
        return maps
    }

    /// The heads of each class with the evidence for it; with `all`, the figures of every head.
    private func heads(all: Bool) -> [Printout.Part] {
        let classification = classification!
        let columns = all ? shownColumns : []
        var table = TextTable(header: ["head", "class"] + columns.map(\.title), leftColumns: [0, 1])
        if !all {
            table.header.append("because")
            table.leftColumns.insert(2)
        }
        let shown = classification.heads.filter { all || $0.kind != .none || !$0.evidence.isEmpty }
        // Heads with evidence but no class come last.
        for kind in HeadClassification.Kind.allCases {
            for classed in shown where classed.kind == kind {
                let name = [classed.head.description, kind.rawValue]
                if all {
                    table.rows.append(name + columns.map { $0.text(classed.head) })
                    continue
                }
                // Two to a line fit a terminal.
                let texts = classed.evidence.map(\.text)
                let reasons = stride(from: 0, to: texts.count, by: 2).map {
                    texts[$0..<min($0 + 2, texts.count)].joined(separator: ", ")
                }
                table.rows.append(name + [reasons.first ?? ""])
                table.rows += reasons.dropFirst().map { ["", "", $0] }
            }
        }
        var parts: [Printout.Part] = [shown.isEmpty ? .lines(["no head does anything of note"]) : .table(table)]
        if !classification.unsettled.isEmpty {
            let names = classification.unsettled.map(\.rawValue).joined(separator: ", ")
            parts.append(
                .lines(["", "not looked for, because what they rest on was not measured or means nothing: \(names)"]))
        }
        return parts
    }

    private static func parts(_ classes: [ClassAttention]) -> [Printout.Part] {
        var table = TextTable(header: ["attention from END", "to IO", "to S1", "to S2"])
        table.rows = classes.map { attention in
            [attention.name]
                + [.endToIO, .endToS1, .endToS2].map { attention[$0].cells(2).joined(separator: " ") }
        }
        return [.lines(["the circuit's classes: means over their heads, with 95 % intervals"]), .table(table)]
    }

    /// The figures of every head, as far as they were measured.
    private var shownColumns: [(title: String, text: (Head) -> String)] {
        func figure(_ map: HeadMap, _ digits: Int) -> (Head) -> String {
            { map[$0].cell(digits) }
        }
        var columns: [(title: String, text: (Head) -> String)] = []
        if let attribution {
            columns.append(("logits", { attribution.heads[$0].cell(3) }))
            columns.append(("95 % interval", { attribution.heads[$0].interval(3) }))
        }
        if let scatter { columns.append(("ρ", figure(scatter.correlation, 2))) }
        if let copying { columns.append(("copies", figure(copying.copying, 2))) }
        if let copying { columns.append(("−copies", figure(copying.negative, 2))) }
        if let ov {
            columns.append(("Σλ/Σ|λ|", { ov.eigenvalueScore[$0.layer][$0.index].map { decimal($0, 2) } ?? "·" }))
        }
        return columns
    }

    /// The columns of the CSV table.
    fileprivate func columns(_ prefix: String = "") -> [Column] {
        var columns = [
            Column([prefix + "class"]) { [classification![$0].kind.rawValue] }
        ]
        func add(_ name: String, _ map: HeadMap?) { if let map { columns.append(Column(prefix + name, map)) } }
        func add(_ name: String, _ values: [[Double?]]?) {
            if let values {
                columns.append(Column([prefix + name]) { [csvNumber(values[$0.layer][$0.index])] })
            }
        }
        add("attribution", attribution?.heads)
        add("attribution_share", attribution?.share)
        for relation in TaskAttention.Relation.allCases { add(relation.rawValue, attention?.heads[relation]) }
        for (name, map) in (positionAttention ?? [:]).sorted(by: { $0.key < $1.key }) { add("end_to_\(name)", map) }
        add("rho_io", scatter?.correlationIO)
        add("rho_s", scatter?.correlationS)
        add("rho", scatter?.correlation)
        add("projection_on_io", scatter?.projectionOnIO)
        add("projection_on_s", scatter?.projectionOnS)
        add("copying", copying?.copying)
        add("negative_copying", copying?.negative)
        add("eigenvalue_score", ov?.eigenvalueScore)
        add("s2_to_io_effect", inhibition?.flips[.s2ToIO]?.effect)
        add("abc_effect", inhibition?.flips[.abc]?.effect)
        add("repeated_previous", repeated?.previous)
        add("repeated_duplicate", repeated?.duplicate)
        add("repeated_induction", repeated?.induction)
        add("effect_before_knockout", backup?.before)
        add("effect_after_knockout", backup?.after)
        return columns
    }
}

extension HeadComparison {
    fileprivate var maps: [DrawnMap] {
        [
            DrawnMap(
                title: "attention from END that is elsewhere in the donor", values: patternDistance.value,
                intervals: patternDistance.ci95)
        ]
    }

    fileprivate func blocks(_ prompts: String) -> [[Printout.Part]] {
        var blocks: [[Printout.Part]] = []
        if !transitions.isEmpty {
            var table = TextTable(header: ["class changes", "from", "to"], leftColumns: [0, 1, 2])
            table.rows = transitions.map { [$0.head.description, $0.from.rawValue, $0.to.rawValue] }
            blocks.append([.table(table)])
        } else {
            blocks.append([.lines(["no head's class changes"])])
        }
        let distances = Heatmap(
            title: "attention from END that is elsewhere in the donor: total variation distance in %, \(prompts)",
            columns: .heads, values: patternDistance.value.map { $0.map { $0.map { 100 * $0 } } }
        )
        blocks.append([.map(distances)])
        var table = TextTable(header: [
            "head", "pattern", "95 % interval", "logits, change", "95 % interval", "‖ΔOV‖/‖OV‖",
        ])
        let heads = patternDistance.value.indices.flatMap { layer in
            patternDistance.value[layer].indices.map { Head(layer, $0) }
        }
        let moved = heads.sorted { (patternDistance[$1].value ?? 0, $0) < (patternDistance[$0].value ?? 0, $1) }
        table.rows = moved.prefix(8).map { head in
            [head.description] + patternDistance[head].cells(3) + (attributionChange?[head].cells(3) ?? ["·", ""])
                + [weights.ov.relative[head.layer][head.index].map { decimal($0, 3) } ?? "·"]
        }
        blocks.append([.lines(["most changed by their patterns"]), .table(table)])
        if !twinning.isEmpty {
            var table = TextTable(
                header: [
                    "mover", "negative", "ρ, model", "95 % interval", "ρ, donor", "95 % interval", "ρ, change",
                    "95 % interval",
                ],
                leftColumns: [0, 1]
            )
            table.rows = twinning.map { twins in
                [twins.nameMover.description, twins.negativeNameMover.description]
                    + [twins.model, twins.donor, twins.change].flatMap { $0.cells(2) }
            }
            if let mean = twinningMean, mean.pairs > 0 {
                table.rows.append(
                    ["mean", "\(mean.pairs) pairs"] + [mean.model, mean.donor, mean.change].flatMap { $0.cells(2) })
            }
            blocks.append([
                .lines(["correlation of heads that write for the answer with those that write against it"]),
                .table(table),
            ])
        }
        return blocks
    }

    fileprivate var columns: [Column] {
        func norm(_ name: String, _ norms: WeightChange.Norms) -> Column {
            Column(["delta_\(name)", "delta_\(name)_relative"]) { head in
                [norms.change, norms.relative].map { csvNumber($0[head.layer][head.index]) }
            }
        }
        return [Column("pattern_distance", patternDistance)]
            + (attributionChange.map { [Column("attribution_change", $0)] } ?? [])
            + [
                norm("q", weights.query), norm("k", weights.key), norm("v", weights.value), norm("o", weights.output),
                norm("ov", weights.ov),
            ]
    }
}

extension DirectLogitAttribution {
    /// What adds up to the logit difference.
    fileprivate var sources: TextTable {
        var table = TextTable(header: ["written to the logit difference by", "", "95 % interval"])
        func add(_ name: String, _ figure: Estimate) {
            table.rows.append([name] + figure.cells(3))
        }
        add("all heads", allHeads)
        for (layer, figure) in mlps.enumerated() { add("MLP \(layer)", figure) }
        add("attention's output biases", allAttentionBiases)
        add("the token at END", tokenEmbedding)
        add("its position", positionEmbedding)
        add("the final LayerNorm's β", finalBias)
        add("all together", total)
        return table
    }

    /// What each head writes, and by how much the first do, if there are many.
    fileprivate func blocks(of prompts: String) -> [[Printout.Part]] {
        let map = Heatmap(
            title: "written by each head itself: in % of the logit difference, \(prompts)",
            columns: .heads, values: share.value)
        return [[.map(map)]] + (map.isLarge ? [[map.strongestPart(share.ci95)]] : [])
    }
}

extension BackupMovers {
    fileprivate func lines(hasShares: Bool) -> [String] {
        let names = knockedOut.map(\.description).joined(separator: ", ")
        let share = hasShares ? ", \(effect.text(1, suffix: " %"))" : ""
        return ["with \(names) knocked out at END", "logit difference  \(left.text(3))\(share)"]
    }
}

extension HeadClassification.Evidence {
    fileprivate var text: String {
        switch name {
        case .attributionShare: "writes \(estimate.text(1, suffix: " % of LD"))"
        case .endToIO: "END→IO \(estimate.text(2))"
        case .endToS2: "END→S2 \(estimate.text(2))"
        case .copying: "copies \(estimate.text(2))"
        case .negativeCopying: "copies negated \(estimate.text(2))"
        case .correlation: "ρ \(estimate.text(2))"
        case .s2ToIOEffect: "z at END with S2 = IO \(estimate.text(1, suffix: " %"))"
        case .abcEffect: "z at END from ABC \(estimate.text(1, suffix: " %"))"
        case .backupEffect: "path to logits without movers \(estimate.text(1, suffix: " %"))"
        case .effectBefore: "with them \(estimate.text(1, suffix: " %"))"
        case .repeatedAttention: "on random repeated tokens \(estimate.text(2))"
        case .promptAttention: "on prompts \(estimate.text(2))"
        }
    }
}

/// A map of heads for a picture.
private struct DrawnMap {
    let title: String
    let values: [[Double?]]
    let intervals: [[[Double]?]]
    /// Whether the values are percentages of the logit difference; others are at most 1.
    var isShare = false
}

/// Columns of a table with a line for each head.
private struct Column {
    let names: [String]
    let cells: (Head) -> [String]

    init(_ names: [String], _ cells: @escaping (Head) -> [String]) {
        self.names = names
        self.cells = cells
    }

    /// A figure with its interval.
    init(_ name: String, _ map: HeadMap) {
        self.init([name, "\(name)_low", "\(name)_high"]) { head in
            map[head].csvFields
        }
    }
}
