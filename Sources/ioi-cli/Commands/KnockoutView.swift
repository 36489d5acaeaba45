import IOIKit

extension KnockoutResults {
    func text(on prompts: String) -> String {
        var table = TextTable(header: [
            prompts, "logit difference", "95 % interval", "effect", "95 % interval",
        ])
        func row(_ name: String, _ difference: Estimate, _ effect: Estimate?) -> [String] {
            func interval(_ figure: Estimate?, _ digits: Int) -> String {
                figure?.ci95.map { "[\(decimal($0[0], digits)), \(decimal($0[1], digits))]" } ?? ""
            }
            return [
                name, difference.value.map { decimal($0, 3) } ?? "·", interval(difference, 3),
                effect?.value.map { decimal($0, 1) + " %" } ?? "", interval(effect, 1),
            ]
        }
        table.rows =
            [row("nothing knocked out", original, nil), row("knocked out", together.patched, together.effect)]
            + each.map { row("  \($0.name) alone", $0.cell.patched, $0.cell.effect) }
        return table.lines.joined(separator: "\n")
    }

    var csv: String {
        let lines = ["together,\(together.csv)"] + each.map { "\($0.name),\($0.cell.csv)" }
        return "name,\(PatchEffects.Cell.csvHeader)\n" + lines.map { $0 + "\n" }.joined()
    }
}
