extension ReproductionReportBuilder {
    /// The circuit found in each model.
    mutating func circuits() -> Section? {
        let found = read(.circuit, of: DiscoverExperiment.self)
        guard !found.isEmpty else { return nil }
        let base = found.first { $0.model == .base }?.results.circuit
        var (rows, pictures, none) = ([[String]](), [String](), "")
        var (faithfulness, full) = ([[String]](), [[String]]())
        for (model, results) in found {
            guard let circuit = results.circuit else {
                none += HTMLPage.paragraph("\(model): none. \(results.problem ?? "")", style: "quiet")
                continue
            }
            rows += circuit.classes.map {
                let nodes = $0.nodes.map(\.description).joined(separator: " ")
                return [model.description, $0.name, $0.position.description, nodes]
            }
            if let measured = results.faithfulness {
                let start = [model.description, "\(circuit.heads.count)"]
                faithfulness.append(
                    start + [FigureFormat.share(decimals: 2).text(results.sparsity)] + cells(of: measured))
                full.append(start + [Self.full(results.sparsity)] + Self.full(measured))
            }
            let diagram = CircuitDiagram(
                title: "\(model): \(circuit.size)", circuit, comparedWith: model == .base ? nil : base
            )
            pictures.append(add("\(model)-circuit", diagram.svg))
        }
        addTable("circuits", ["model", "class", "position", "heads"], rows)
        addTable("circuit-faithfulness", ["model", "heads", "sparsity"] + Self.faithfulnessColumns, full)
        let intro = HTMLPage.paragraph(
            "Path patching finds a circuit in each model. Compared with the base model's circuit, heads new to a class are "
                + "bold and heads that left it are struck through. F(C)/F(M) is measured in the model whose circuit it is; "
                + "sparsity is the share of all (head, position) pairs that the circuit keeps, MLPs included where it names any."
        )
        let table = HTMLPage.table(
            ["model", "heads", "sparsity", "F(C)/F(M)", "95 % interval"], faithfulness, numbers: [1, 2, 3, 4]
        )
        return Section(title: "Circuits", body: intro + table + HTMLPage.figures(pictures) + none)
    }
}
