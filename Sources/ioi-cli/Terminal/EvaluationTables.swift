import IOIKit

extension Evaluation {
    /// For people: all figures, then the splits by order and template.
    func text(title: String) -> String {
        func interval(_ bounds: [Double], _ format: (Double) -> String) -> String {
            "[\(format(bounds[0])), \(format(bounds[1]))]"
        }
        func number(_ value: Double) -> String { decimal(value, 3) }
        var figures = TextTable(header: [title, "mean", "95 % interval"])
        figures.rows = [
            ("logit difference", all.logitDifference.mean, all.logitDifference.ci95, number),
            ("IO over S", all.accuracy, all.ci95["accuracy"]!, percent),
            ("IO first of all tokens", all.top1, all.ci95["top1"]!, percent),
            ("P(IO)", all.ioProbability, all.ci95["io_probability"]!, number),
            ("rank of IO", all.ioRank, all.ci95["io_rank"]!, number),
            ("loss of the label", all.loss, all.ci95["loss"]!, number),
        ].map { name, mean, bounds, format in [name, format(mean), interval(bounds, format)] }
        var splits = TextTable(header: [
            "", "prompts", "logit difference", "95 % interval", "IO over S", "IO first of all",
        ])
        for (name, summary) in byOrder.sorted(by: { $0.key < $1.key }) + byTemplate.sorted(by: { $0.key < $1.key }) {
            splits.rows.append([
                name, String(summary.count), number(summary.logitDifference.mean),
                interval(summary.logitDifference.ci95, number), percent(summary.accuracy), percent(summary.top1),
            ])
        }
        return (figures.lines + [""] + splits.lines).joined(separator: "\n")
    }

    /// A line for all prompts, each order and each template.
    var csv: String {
        let header =
            "group,count,logit_difference,ci95_low,ci95_high,std,accuracy,top1,io_probability,io_rank,loss\n"
        let groups = [("all", all)] + byOrder.sorted { $0.key < $1.key } + byTemplate.sorted { $0.key < $1.key }
        return header
            + groups.map { name, summary in
                let difference = summary.logitDifference
                let figures = [
                    difference.mean, difference.ci95[0], difference.ci95[1], difference.std, summary.accuracy,
                    summary.top1, summary.ioProbability, summary.ioRank, summary.loss,
                ]
                return "\(name),\(summary.count)," + figures.map { "\($0)" }.joined(separator: ",") + "\n"
            }.joined()
    }
}
