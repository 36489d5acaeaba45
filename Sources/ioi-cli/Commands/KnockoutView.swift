import IOIKit

extension KnockoutResults {
    func printout(on prompts: String, metric: Metric) -> Printout {
        var table = TextTable(header: [
            prompts, metric.noun, "95 % interval", "effect", "95 % interval",
        ])
        func row(_ name: String, _ difference: Estimate, _ effect: Estimate?) -> [String] {
            let effects = effect.map { effect in
                gap?.note.map { [$0.rawValue, ""] }
                    ?? [
                        effect.cell(metric.isRelative ? 1 : 3, suffix: metric.isRelative ? " %" : "", undefined: ""),
                        effect.interval(metric.isRelative ? 1 : 3),
                    ]
            }
            return [name] + difference.cells(3) + (effects ?? ["", ""])
        }
        table.rows =
            [row("nothing knocked out", original, nil), row("knocked out", together.patched, together.effect)]
            + each.map { row("  \($0.name) alone", $0.cell.patched, $0.cell.effect) }
        let lines = gap.map { [Printout.Part.lines(["", "effects are in \(EffectScale.gap.unit()):"] + $0.lines)] }
        return Printout([.table(table)] + (lines ?? []))
    }

    /// The effect of each knockout.
    func chart(on prompts: String, metric: Metric) -> IntervalChart {
        func row(_ name: String, _ effect: Estimate) -> IntervalChart.Row {
            IntervalChart.Row(
                label: name, value: gap?.note == nil ? effect.value ?? .nan : .nan,
                interval: effect.ci95.map { $0[0]...$0[1] }, note: gap?.note?.rawValue ?? "")
        }
        let unit = metric.isRelative || gap != nil ? "%" : "nats"
        return IntervalChart(
            title: "Effect of knocking out", subtitle: prompts,
            axisLabel: "effect, " + (gap == nil ? EffectScale.original : .gap).unit(of: metric), unit: unit,
            decimals: metric.isRelative ? 1 : 3, references: [.init(value: 0, label: "no effect")],
            groups: [
                .init(
                    rows: [row("knocked out", together.effect)]
                        + each.map { row("\($0.name) alone", $0.cell.effect) })
            ])
    }

    var csv: String {
        let lines = ["together,\(together.csv)"] + each.map { "\($0.name.csvField),\($0.cell.csv)" }
        return csvTable("name,\(PatchEffects.Cell.csvHeader)", lines)
    }
}
