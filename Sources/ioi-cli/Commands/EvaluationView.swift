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
            ("logit difference", all.logitDifference.mean, all.logitDifference.bounds, number),
            ("IO over S", all.accuracy.mean, all.accuracy.bounds, percent),
            ("IO first of all tokens", all.top1.mean, all.top1.bounds, percent),
            ("P(IO)", all.ioProbability.mean, all.ioProbability.bounds, number),
            ("rank of IO", all.ioRank.mean, all.ioRank.bounds, number),
            ("loss of the label", all.loss.mean, all.loss.bounds, number),
        ].map { name, mean, bounds, format in [name, format(mean), interval(bounds, format)] }
        var splits = TextTable(header: [
            "", "prompts", "logit difference", "95 % interval", "IO over S", "IO first of all",
        ])
        for (name, summary) in byOrder.sorted(by: { $0.key < $1.key }) + byTemplate.sorted(by: { $0.key < $1.key }) {
            splits.rows.append([
                name, String(summary.count), number(summary.logitDifference.mean),
                interval(summary.logitDifference.bounds, number), percent(summary.accuracy.mean),
                percent(summary.top1.mean),
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
                    difference.mean, difference.bounds[0], difference.bounds[1], difference.std ?? 0,
                    summary.accuracy.mean,
                    summary.top1.mean, summary.ioProbability.mean, summary.ioRank.mean, summary.loss.mean,
                ]
                return "\(name),\(summary.count)," + figures.map { "\($0)" }.joined(separator: ",") + "\n"
            }.joined()
    }
}
