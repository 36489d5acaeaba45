import IOIKit

extension TaskEvaluation {
    /// All figures, then the splits.
    ///
    /// - Parameter metric: the figure of the splits on another task than IOI.
    func printout(title: String, metric: Metric?) -> Printout {
        switch self {
        case .ioi(let evaluation): evaluation.printout(title: title)
        case .choice(let evaluation): evaluation.printout(title: title, metric: metric ?? .logitDifference)
        }
    }

    /// The metric of all prompts and of each split.
    func chart(title: String, metric: Metric?) -> IntervalChart {
        let metric = metric ?? .logitDifference
        func rows(_ summaries: [(String, Int, Estimate?)]) -> [IntervalChart.Row] {
            summaries.map { name, count, estimate in
                IntervalChart.Row(
                    label: name, value: estimate?.value ?? .nan, interval: estimate?.ci95.map { $0[0]...$0[1] },
                    note: "\(count) prompts")
            }
        }
        let groups: [(String?, [(String, Int, Estimate?)])] =
            switch self {
            case .ioi(let evaluation):
                [
                    (nil, [("all", evaluation.all.count, evaluation.all.logitDifference)]),
                    (
                        "by order",
                        evaluation.byOrder.sorted { $0.key < $1.key }.map { ($0, $1.count, $1.logitDifference) }
                    ),
                    (
                        "by template",
                        evaluation.byTemplate.sorted { $0.key < $1.key }.map { ($0, $1.count, $1.logitDifference) }
                    ),
                ]
            case .choice(let evaluation):
                [
                    (nil, [("all", evaluation.all.count, evaluation.all[metric])]),
                    ("by group", evaluation.byGroup.sorted { $0.key < $1.key }.map { ($0, $1.count, $1[metric]) }),
                    (
                        "by template",
                        evaluation.byTemplate.sorted { $0.key < $1.key }.map { ($0, $1.count, $1[metric]) }
                    ),
                ]
            }
        return IntervalChart(
            title: "\(metric.noun.prefix(1).uppercased())\(metric.noun.dropFirst())", subtitle: title,
            axisLabel: metric.noun,
            decimals: 3, references: [.init(value: 0, label: "no preference")],
            groups: groups.filter { !$0.1.isEmpty }.map { .init(heading: $0.0, rows: rows($0.1)) })
    }

    /// A line for all prompts and each split.
    var csv: String {
        switch self {
        case .ioi(let evaluation): evaluation.csv
        case .choice(let evaluation): evaluation.csv
        }
    }

    /// What the figures mean, in a few words for people.
    var meaning: String {
        switch self {
        case .ioi:
            "IO is the name that should follow, S the one that the prompt repeats. A logit difference above 0 means that "
                + "the model finds IO more probable than S: e to the power of it is how many times as probable."
        case .choice:
            "Differences are those of the right next tokens from the wrong ones: above 0, the model prefers the right "
                + "ones. Right over wrong is the share of prompts whose right tokens are more probable than the wrong."
        }
    }

    /// The figures of all prompts, in a line.
    var line: String {
        func number(_ estimate: Estimate) -> String {
            estimate.cells { decimal($0, 3) }.joined(separator: " ")
        }
        switch self {
        case .ioi(let evaluation):
            let all = evaluation.all
            return "logit difference \(number(all.logitDifference)), IO over S \(percent(all.accuracy.mean)), "
                + "IO first of all \(percent(all.top1.mean)), loss \(decimal(all.loss.mean, 3))"
        case .choice(let evaluation):
            let all = evaluation.all
            return "P(right) − P(wrong) \(number(all.probabilityDifference)), right over wrong "
                + "\(percent(all.accuracy.mean)), loss \(decimal(all.loss.mean, 3))"
        }
    }
}

extension ChoiceEvaluation {
    private var splits: [(name: String, summary: Summary)] {
        // One group or template is all prompts again.
        [byGroup, byTemplate].filter { $0.count > 1 }.flatMap { $0.sorted { $0.key < $1.key } }
            .map { ($0.key, $0.value) }
    }

    fileprivate func printout(title: String, metric: Metric) -> Printout {
        func number(_ value: Double) -> String { decimal(value, 3) }
        var figures = TextTable(header: [title, "mean", "95 % interval", "std"])
        let measured = Metric.allCases.compactMap { metric in all[metric].map { (metric.noun, $0) } }
        figures.rows = measured.map { [$0] + $1.cells(number) + [number($1.std ?? 0)] }
        figures.rows.append(["right over wrong"] + all.accuracy.cells(percent))
        if let top1 = all.top1 { figures.rows.append(["right first of all tokens"] + top1.cells(percent)) }
        figures.rows.append(["loss of the label"] + all.loss.cells(number) + [number(all.loss.std ?? 0)])
        var table = TextTable(header: ["", "prompts", metric.noun, "95 % interval", "right over wrong"])
        table.rows = splits.map { name, summary in
            [name, String(summary.count)] + (summary[metric]?.cells(number) ?? ["", ""])
                + [percent(summary.accuracy.mean)]
        }
        return Printout([.table(figures)] + (splits.isEmpty ? [] : [.lines([""]), .table(table)]))
    }

    fileprivate var csv: String {
        csvTable(
            "group,count,probability_difference,ci95_low,ci95_high,std,accuracy,loss,"
                + "logit_difference,log_probability,top1",
            ([("all", all)] + splits).map { name, summary in
                let difference = summary.probabilityDifference
                let figures: [Double?] = [
                    difference.mean, difference.bounds[0], difference.bounds[1], difference.std ?? 0,
                    summary.accuracy.mean, summary.loss.mean, summary.logitDifference?.value,
                    summary.logProbability?.value, summary.top1?.value,
                ]
                return "\(name.csvField),\(summary.count)," + figures.map(csvNumber).joined(separator: ",")
            })
    }
}
