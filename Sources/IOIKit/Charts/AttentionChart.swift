extension PanelChart {
    /// The attention of heads, side by side; below it that of a donor and the difference, if there is one.
    ///
    /// - Parameters:
    ///   - patterns: what is drawn.
    ///   - title: the title of the chart.
    ///   - subtitle: the line below it.
    ///   - cell: the greatest side of a cell, in pixels.
    public init(_ patterns: AttentionPatterns, title: String, subtitle: String, cell: Double = 28) {
        func panels(_ name: String, _ matrix: (AttentionPatterns.Map) -> AttentionMatrix?) -> [Panel] {
            patterns.heads.compactMap { map in
                matrix(map).map { Panel(title: "\(map.head)\(name)", values: $0.value, intervals: $0.ci95) }
            }
        }
        let attention = Scale(limit: 1, label: "attention")
        let donors = panels(", donor", \.donor)
        let differences = panels(", donor − model", \.difference)
        let most = differences.flatMap { $0.values.joined().compactMap { $0.map(abs) } }.max() ?? 0
        // One digit more than needed, so that the bar has a round end.
        let limit = max((most * 20).rounded(.up) / 20, 0.05)
        self.init(
            title: title, subtitle: subtitle, rows: patterns.queries, columns: patterns.keys,
            rowLabel: "from (query)", columnLabel: "to (key)",
            bands: donors.isEmpty
                ? [Band(panels("", \.model), scale: attention)]
                : [
                    Band(panels(", model", \.model), scale: attention), Band(donors, scale: attention),
                    Band(
                        differences,
                        scale: Scale(limit: limit, isDiverging: true, label: "change of attention, donor − model")),
                ],
            cell: cell
        )
    }
}
