extension IntervalChart {
    /// Faithfulness by every method, compared with random circuits (Miller et al. 2407.08734).
    ///
    /// - Parameters:
    ///   - size: the number of nodes in the circuit, in words.
    ///   - prompts: the model and prompts, for the subtitle.
    ///   - isWholeMeaningless: whether F(M) is too near zero for ratios to it.
    ///   - surface: the cells of the surface.
    public init(surface: [SurfaceCell], size: String, of prompts: String, isWholeMeaningless: Bool) {
        let groups = Dictionary(grouping: surface, by: \.method.setting).sorted { $0.key < $1.key }.map {
            name, figures in
            Group(
                heading: name,
                rows: figures.map { figure in
                    guard figure.note != .meaningless else {
                        return Row(label: figure.method.value, value: .nan, note: "meaningless")
                    }
                    let notes = [figure.nullPercentile.map { "percentile \($0.fixed(0))" }, figure.note?.rawValue]
                    return Row(
                        label: figure.method.value, value: figure.ratio.value.map { 100 * $0 } ?? .nan,
                        interval: figure.ratio.ci95.map { 100 * $0[0]...100 * $0[1] },
                        band: figure.nullRange.map { 100 * $0[0]...100 * $0[1] },
                        note: notes.compactMap { $0 }.joined(separator: ", ")
                    )
                })
        }
        let whole = isWholeMeaningless ? "; " + RatioNote.meaningless.explanation() : ""
        self.init(
            title: "Faithfulness of a circuit of \(size), by method",
            subtitle: "F(C) / F(M), \(prompts)\(whole)", axisLabel: "F(C) / F(M)", unit: "%",
            bandLabel: "middle 90 % of random circuits", references: [.init(value: 100, label: "the model")],
            groups: groups
        )
    }
}

extension CircuitMethod {
    /// What is ablated, and the positions at which heads are kept.
    fileprivate var setting: String {
        (granularity == .node ? "heads" : "edges")
            + (everywhere ? ", at all positions" : ", at the circuit's positions")
            + (aggregation == .ratioOfMeans ? ", ratio of means" : ", mean of ratios")
    }

    /// What replaces ablated outputs.
    fileprivate var value: String {
        guard ablation.kind == .mean else { return ablation.kind.rawValue }
        return "mean by \(ablation.group == .template ? "template" : "all")" + (reference.map { ", ABC \($0)" } ?? "")
    }
}
