extension ReproductionReportBuilder {
    /// The circuit found in each model.
    mutating func circuits() -> Section? {
        let found = read(.circuit, of: DiscoverExperiment.self)
        guard !found.isEmpty else { return nil }
        let base = found.first { $0.model == .base }?.results.circuit
        var (rows, first, pictures, none) = ([[String]](), "", "", "")
        var (faithfulness, full) = ([(model: PlanModel, cells: [String])](), [[String]]())
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
                let count = "\(circuit.heads.count)"
                faithfulness.append(
                    (model, [count, FigureFormat.share(decimals: 2).text(results.sparsity)] + cells(of: measured)))
                full.append([model.description, count] + [Self.full(results.sparsity)] + Self.full(measured))
            }
            let diagram = CircuitDiagram(
                title: "\(model): \(circuit.size)", circuit, comparedWith: model == .base ? nil : base
            )
            let picture = HTMLPage.inline(add("\(model)-circuit", diagram.svg))
            if first.isEmpty {
                first = "<figure class=\"whole\">\(picture)</figure>"
            } else {
                pictures += "<figure\(HTMLPage.attribute("data-stage", model.stage))>\(picture)</figure>"
            }
        }
        addTable("circuits", ["model", "class", "position", "heads"], rows)
        addTable("circuit-faithfulness", ["model", "heads", "sparsity"] + Self.faithfulnessColumns, full)
        let intro = HTMLPage.paragraph(
            "Path patching finds a circuit in each model: its classes are named by what they send to, and a head belongs to the "
                + "first class that finds it. Compared with the base model's circuit, heads new to a class are bold and heads "
                + "that left it are struck through. F(C)/F(M) is measured in the model whose circuit it is; sparsity is the "
                + "share of all (head, position) pairs that the circuit keeps, MLPs included where it names any."
        )
        let table = modelTable(
            "The circuit found in each model", ["model", "heads", "sparsity", "F(C)/F(M)", "95 % interval"],
            faithfulness, numbers: [1, 2, 3, 4]
        )
        return Section(
            title: "Circuits",
            body: intro + table + none + first
                + HTMLPage.folded("The circuits of the other models", pictures) + bothClasses(base))
    }

    /// Each head of the base model's circuit beside the class that its behaviour gives it.
    private mutating func bothClasses(_ circuit: Circuit?) -> String {
        let profile = read(.heads, of: HeadsExperiment.self).first { $0.model == .base }?.results.model
        guard let circuit, let classes = profile?.classification else { return "" }
        let found = Dictionary(
            circuit.classes.flatMap { headClass in headClass.heads.map { ($0, headClass.name) } }
        ) { first, _ in first }
        let heads = Set(found.keys).union(classes.heads.filter { $0.kind != .none }.map(\.head)).sorted()
        let rows = heads.map { head in
            let (path, behaviour) = (found[head] ?? "–", classes[head].kind)
            return [
                head.description, path, behaviour == .none ? "–" : behaviour.rawValue,
                path == behaviour.rawValue ? "the same" : "",
            ]
        }
        let agreeing = rows.count { !$0[3].isEmpty }
        return "<h3>Two ways to name a head</h3>"
            + HTMLPage.paragraph(
                "This section names a head by its place on the paths to the answer, the section Heads by what it does: what it "
                    + "writes, copies and attends to. A head can have a place without a behaviour that passes the thresholds, and "
                    + "a behaviour without a large effect. In \(record.model.name), \(agreeing) of \(rows.count) heads with a "
                    + "name have the same one by both."
            )
            + HTMLPage.folded(
                "The names of all \(rows.count) heads",
                HTMLTable(
                    "Heads of \(record.model.name)", ["head", "by path patching", "by behaviour", ""], rows, heads: [0]
                ).html
            )
    }
}
