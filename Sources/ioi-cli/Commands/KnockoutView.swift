import IOIKit

extension KnockoutResults {
    func text(on prompts: String, metric: Metric) -> String {
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
        var lines = table.lines
        if let gap { lines += ["", "effects are in \(EffectScale.gap.unit()):"] + gap.lines }
        return lines.joined(separator: "\n")
    }

    var csv: String {
        let lines = ["together,\(together.csv)"] + each.map { "\($0.name.csvField),\($0.cell.csv)" }
        return csvTable("name,\(PatchEffects.Cell.csvHeader)", lines)
    }
}
