import Foundation

extension ReproductionReportBuilder {
    /// What the first screen shows: what was done, how many claims hold, three figures, and a picture. It is written
    /// after the sections, whose problems and times it states.
    mutating func opening() -> String {
        let figure = behaviourFigure()
        var opening = Opening(facts: facts)
        opening.notes =
            HTMLPage.paragraph(record.plan.about)
            + (record.note.map { HTMLPage.paragraph("The model is \($0).", style: "note") } ?? "") + problemNotes
        opening.verdict = verdicts
        opening.cards = cards(figure)
        if let figure {
            let chart = chart(figure.title, Dictionary(figure.models) { $1 }, figure.format)
            if !chart.series.isEmpty { opening.picture = add(figure.name, chart.svg) }
        }
        return opening.html + stageList
    }

    /// The model, the prompts, when and how long, and the version.
    private var facts: [String] {
        let environment = record.environment
        var facts = ["model \(record.model.name)"]
        facts.append(
            "\(record.dataset.count) held-out \(record.dataset.name) prompts, seed \(record.plan.prompts.seed)")
        if let date { facts.append(date) }
        let times = [
            measuringSeconds.isEmpty ? nil : "measuring \(measuringSeconds.values.reduce(0, +).duration)",
            trainingSeconds > 0 ? "training \(trainingSeconds.duration)" : nil,
        ].compactMap { $0 }
        if !times.isEmpty {
            facts.append(
                times.joined(separator: ", ")
                    + " on \(Self.threads(environment.threads))")
        }
        return facts + ["ioi \(environment.version)", "brackets are 95 % intervals over prompts"]
    }

    /// The share of claims with each verdict, as a bar and in words.
    private var verdicts: String {
        let counts: [(verdict: Claim.Verdict, style: String, count: Int)] = [
            (.shown, "v-shown", 0), (.notShown, "v-not", 0), (.unclear, "v-unclear", 0), (.meaningless, "v-other", 0),
            (.notMeasured, "v-other", 0),
        ].map { verdict, style, _ in (verdict, style, record.claims.count { $0.verdict == verdict }) }
        let all = record.claims.count
        guard all > 0 else { return "" }
        let bar = counts.filter { $0.count > 0 }.map { part in
            "<i class=\"\(part.style)\" style=\"flex-grow:\(part.count)\"></i>"
        }
        let others = counts.dropFirst().filter { $0.count > 0 }.map { "\($0.count) \($0.verdict.rawValue)" }
        return "<p class=\"big\">\(counts[0].count) of \(all) claims shown</p>"
            + "<div class=\"verdicts\" aria-hidden=\"true\">\(bar.joined())</div>"
            + HTMLPage.paragraph(others.joined(separator: ", "), style: "quiet")
    }

    // MARK: Three figures

    /// The figure that tells best what models do: that of every chart of behaviour.
    struct BehaviourFigure {
        let name: String
        let title: String
        let noun: String
        let format: FigureFormat
        let models: [(PlanModel, Estimate)]
    }

    private mutating func behaviourFigure() -> BehaviourFigure? {
        let evaluations = read(.eval, of: EvaluationExperiment.self)
        let isIOI = evaluations.contains { if case .ioi = $0.results { true } else { false } }
        let models = evaluations.compactMap { model, results -> (PlanModel, Estimate)? in
            switch results {
            case .ioi(let evaluation): isIOI ? (model, evaluation.all.logitDifference) : nil
            case .choice(let evaluation): isIOI ? nil : (model, evaluation.all.probabilityDifference)
            }
        }
        guard !models.isEmpty else { return nil }
        return BehaviourFigure(
            name: isIOI ? "logit-difference" : "probability-difference",
            title: isIOI ? "Logit difference, logit(IO) − logit(S)" : "P(right) − P(wrong)",
            noun: isIOI ? "logit difference" : "P(right) − P(wrong)", format: isIOI ? .number : .share, models: models
        )
    }

    /// The largest rise and the deepest fall of behaviour, and the faithfulness of the circuit.
    private mutating func cards(_ figure: BehaviourFigure?) -> [Opening.Card] {
        var cards: [Opening.Card] = []
        func card(_ model: PlanModel, _ number: String, _ text: String) {
            cards.append(Opening.Card(figure: number, words: text, colour: model.stage.map(palette.colour)))
        }
        if let figure, let base = figure.models.first(where: { $0.0 == .base })?.1 {
            func text(_ estimate: Estimate) -> String { figure.format.text(estimate.value) }
            let trained = figure.models.filter { $0.0 != .base && !palette.isContinued($0.0.stage!) }
            func after(_ model: PlanModel) -> String {
                let recovered = figure.models.last { other in
                    record.plan.stages.contains { $0.name == other.0.stage && $0.from?.stage == model.stage }
                }
                return recovered.map { "; \(text($0.1)) after \($0.0)" } ?? ""
            }
            let largest = trained.max { $0.1.mean < $1.1.mean }
            let least = trained.min { $0.1.mean < $1.1.mean }
            for (model, estimate) in [largest, least].compactMap({ $0 }).uniqued(by: \.0) {
                card(
                    model, "\(text(base)) → \(text(estimate)) \(figure.format.text(interval: estimate.ci95))",
                    "\(figure.noun), before and after \(model)\(after(model))")
            }
            if trained.isEmpty {
                card(
                    .base, "\(text(base)) \(figure.format.text(interval: base.ci95))",
                    "\(figure.noun) of \(record.model.name)")
            }
        }
        if let circuit = faithfulness()[.base], circuit.note != .meaningless, circuit.ratio.value != nil {
            let cells = FigureFormat.share.cells(circuit.ratio)
            card(
                .base, cells.joined(separator: " "),
                "of the \(metric.noun) of \(record.model.name) is left with only its circuit kept: F(C)/F(M)")
        }
        return cards
    }

    // MARK: Stages

    /// The stages with their colours. Pages with scripts can hide each.
    private var stageList: String {
        let trained = record.plan.stages.filter { $0.dataset != nil && record.stages.contains($0.name) }
        guard !trained.isEmpty else { return "" }
        let items = trained.map { stage in
            let epochs = (stage.epochs ?? []).map(String.init).joined(separator: ", ")
            let from = stage.from?.stage.map { " from \($0)@\(stage.from!.epoch)" } ?? ""
            let what = "\(stage.dataset ?? "") for \(epochs) epoch\(epochs == "1" ? "" : "s")\(from)"
            return "<li data-name=\"\(stage.name.xml)\">\(palette.mark(PlanModel(stage: stage.name, epoch: 1)))"
                + "\(stage.name.xml) <span class=\"quiet\">\(what.xml)</span></li>"
        }
        return "<ul class=\"stages\" aria-label=\"Stages\">\(items.joined())</ul>"
    }
}

extension Sequence {
    /// The elements without those whose key an earlier one has.
    fileprivate func uniqued<Key: Hashable>(by key: (Element) -> Key) -> [Element] {
        var seen: Set<Key> = []
        return filter { seen.insert(key($0)).inserted }
    }
}
