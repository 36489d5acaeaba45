import IOIKit

extension Evaluation {
    /// All figures, then the splits by order and template.
    func printout(title: String) -> Printout {
        func number(_ value: Double) -> String { decimal(value, 3) }
        var figures = TextTable(header: [title, "mean", "95 % interval"])
        figures.rows = [
            ["logit difference"] + all.logitDifference.cells(number), ["IO over S"] + all.accuracy.cells(percent),
            ["IO first of all tokens"] + all.top1.cells(percent), ["P(IO)"] + all.ioProbability.cells(number),
            ["rank of IO"] + all.ioRank.cells(number), ["loss of the label"] + all.loss.cells(number),
        ]
        let others = [
            ("logit difference on counterfactuals", all.counterfactualLogitDifference),
            ("IO over names not mentioned", all.ioOverNames), ("rank of IO among names", all.ioRankAmongNames),
        ]
        figures.rows += others.compactMap { name, figure in figure.map { [name] + $0.cells(number) } }
        var splits = TextTable(header: [
            "", "prompts", "logit difference", "95 % interval", "IO over S", "IO first of all",
        ])
        for (name, summary) in byOrder.sorted(by: { $0.key < $1.key }) + byTemplate.sorted(by: { $0.key < $1.key }) {
            splits.rows.append(
                [name, String(summary.count)] + summary.logitDifference.cells(number)
                    + [percent(summary.accuracy.mean), percent(summary.top1.mean)])
        }
        return Printout([.table(figures), .lines([""]), .table(splits)])
    }

    /// A line for all prompts, each order and each template.
    var csv: String {
        let header =
            "group,count,logit_difference,ci95_low,ci95_high,std,accuracy,top1,io_probability,io_rank,loss,"
            + "counterfactual_logit_difference,io_over_names,io_rank_among_names"
        let groups = [("all", all)] + byOrder.sorted { $0.key < $1.key } + byTemplate.sorted { $0.key < $1.key }
        return csvTable(
            header,
            groups.map { name, summary in
                let difference = summary.logitDifference
                let others: [Estimate?] = [
                    summary.accuracy, summary.top1, summary.ioProbability, summary.ioRank, summary.loss,
                    summary.counterfactualLogitDifference, summary.ioOverNames, summary.ioRankAmongNames,
                ]
                let figures: [Double?] =
                    [difference.mean, difference.bounds[0], difference.bounds[1], difference.std ?? 0]
                    + others.map { $0?.mean }
                return "\(name.csvField),\(summary.count)," + figures.map(csvNumber).joined(separator: ",")
            })
    }
}
