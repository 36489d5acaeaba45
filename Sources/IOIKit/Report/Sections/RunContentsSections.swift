extension RunReportBuilder {
    func checkpoints() -> Section? {
        guard !saved.isEmpty else { return nil }
        let hashes = Dictionary(
            evaluations.map { ($0.epoch, $0.document.model.sha256 ?? "") }, uniquingKeysWith: { first, _ in first }
        )
        let rows = saved.map { checkpoint in
            [
                "\(run.checkpoints.lastPathComponent)/\(checkpoint.folder.lastPathComponent)", "\(checkpoint.step)",
                checkpoint.holdsOptimizer ? "yes" : "", checkpoint.keptEpoch.flatMap { hashes[$0] } ?? "",
            ]
        }
        let header = ["folder", "step", "training can resume from it", "SHA-256 when it was measured"]
        return Section(
            title: "Checkpoints", body: HTMLTable("Checkpoints in the run folder", header, rows, numbers: [1]).html)
    }

    /// The results files that the run itself did not write.
    mutating func otherResults() -> Section? {
        var rows: [[String]] = []
        for name in resultsFiles where record.heldOut == nil || FinetuneJob.epoch(of: name) == nil {
            let file = run.results.appendingPathComponent(name)
            do {
                let heading = try ResultsHeading(InputFile.read(file, limit: .max), path: file.path)
                rows.append([
                    "ioi \(heading.command)", heading.model?.name ?? "", heading.donor?.name ?? "",
                    heading.dataset.map { "\($0.count) \($0.name)" } ?? "",
                    "\(run.results.lastPathComponent)/\(name)",
                ])
            } catch {
                problems.append("\(error)")
            }
        }
        guard !rows.isEmpty else { return nil }
        return Section(
            title: "Other results",
            body: HTMLTable("Other results files", ["command", "model", "donor", "prompts", "file"], rows).html
        )
    }
}
