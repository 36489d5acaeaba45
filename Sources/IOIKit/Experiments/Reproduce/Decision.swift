import Foundation

extension ReproductionRecord {
    /// A claim, the figures that decide it, and the verdict.
    public struct Decision: Codable, Sendable {
        public let claim: Claim
        /// nil if it was not measured.
        public let measured: Estimate?
        /// The rule's other figure.
        public let other: Estimate?
        public let verdict: Claim.Verdict
        /// The measured figure less the published one, in the figure's unit; nil unless both are of GPT-2 small.
        public let publishedDifference: Double?

        enum CodingKeys: String, CodingKey {
            case claim, measured, other, verdict
            case publishedDifference = "published_difference"
        }

        /// - Parameters:
        ///   - measured: nil if it was not measured.
        ///   - other: the rule's other figure.
        ///   - isOfGPT2: whether the published figure is of the model that was measured.
        init(_ claim: Claim, measured: Estimate?, other: Estimate?, isOfGPT2: Bool) {
            self.claim = claim
            self.measured = measured
            self.other = other
            // What is near to a figure of GPT-2 says nothing of another model.
            verdict =
                claim.rule.relation == .nearer && !isOfGPT2 && measured != nil
                ? .meaningless : claim.verdict(measured, other: other)
            if isOfGPT2, measured?.isMeaningless != true, let value = measured?.value,
                let published = claim.published?.value
            {
                publishedDifference = value - published
            } else {
                publishedDifference = nil
            }
        }

        /// The figure for people: shares and effects in per cent.
        public var valueText: String {
            measured?.isMeaningless == true && measured?.value != nil
                ? "meaningless" : (claim.published?.map == nil ? "" : "ρ ") + claim.format.text(measured?.value)
        }

        /// Its 95 % interval for people.
        public var intervalText: String {
            guard let measured, measured.isMeaningless != true, let ci95 = measured.ci95 else { return "" }
            return "[\(ci95.map(claim.format.text).joined(separator: ", "))]"
        }

        /// ``publishedDifference`` for people, with its sign; empty for nil.
        public var differenceText: String {
            guard let difference = publishedDifference else { return "" }
            let text = claim.format.text(difference)
            return text.hasPrefix("-") || text.hasPrefix("−") ? text : "+" + text
        }
    }
}

extension Plan {
    /// Decides the claims from the results files and the training runs.
    ///
    /// Claims about extra stages that did not run are left out: nobody asked for them.
    ///
    /// - Parameter isOfGPT2: whether the published figures are of the model that was measured.
    /// - Throws: `IOIError` that names the file and the field of a figure that is missing.
    func decideClaims(
        by measurements: [ReproductionRecord.Measurement],
        runs: [String: String],
        of stages: [Stage],
        in folder: URL,
        isOfGPT2: Bool
    ) throws -> [ReproductionRecord.Decision] {
        var known: [String: JSONValue] = [:]
        func figure(_ path: FigurePath, published: [[Double]]? = nil) throws -> Estimate? {
            guard let measure = path.measure else { return try meanLoss(of: path.model, runs: runs, in: folder) }
            guard let name = measurements.first(where: { $0.model == path.model && $0.measure == measure })?.file
            else { return nil }
            let file = folder.appendingPathComponent(name)
            let results =
                try known[name] ?? InputFile.decode(ResultsDocument<JSONValue, JSONValue>.self, from: file).results
            known[name] = results
            // No circuit was found, for the reason that the results state.
            guard measure.kind != .circuit || !results.holds("problem") else { return nil }
            guard let published else { return try Estimate(at: path.steps, in: results, file: file.path) }
            let map = try results.map(at: path.steps, file: file.path)
            guard map.map(\.count) == published.map(\.count) else {
                throw IOIError(
                    "\(file.path): results.\(path.steps.joined(separator: ".")): found rows of \(map.map(\.count)), expected "
                        + "\(published.map(\.count)), as published"
                )
            }
            return Correlation.rankEstimate(
                Array(map.joined()), Array(published.joined()), seed: prompts.seed, workers: Workers(count: 1)
            )
        }
        let wanted = self.stages.filter { stage in
            stage.isExtra != true || stages.contains { $0.name == stage.name }
        }
        let asked = Set(wanted.flatMap(\.measurements))
        return try claims.filter { claim in
            [claim.figure, claim.rule.of].allSatisfy { $0.map { asked.contains($0.measurement) } ?? true }
        }.map { claim in
            .init(
                claim, measured: try figure(claim.figure, published: claim.published?.map),
                other: try claim.rule.of.flatMap { try figure($0) }, isOfGPT2: isOfGPT2
            )
        }
    }

    /// The mean loss of the steps that trained a model, from its run's metrics; nil if the run is not there.
    private func meanLoss(of model: PlanModel, runs: [String: String], in folder: URL) throws -> Estimate? {
        guard let stage = stages.first(where: { $0.name == model.stage }),
            let run = self.runs(of: stage).first(where: { $0.epochs.contains(model.epoch) }), let path = runs[run.name]
        else { return nil }
        let metrics = try RunFolder(folder.appendingPathComponent(path)).metrics().filter { $0.epoch <= model.epoch }
        return Estimate(value: metrics.map(\.loss).mean)
    }
}
