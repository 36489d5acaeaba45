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

        /// The figure for people: shares and effects in per cent.
        public var valueText: String {
            measured?.isMeaningless == true && measured?.value != nil
                ? "meaningless" : claim.figure.format.text(measured?.value)
        }

        /// Its 95 % interval for people.
        public var intervalText: String {
            guard let measured, measured.isMeaningless != true, let ci95 = measured.ci95 else { return "" }
            return "[\(ci95.map(claim.figure.format.text).joined(separator: ", "))]"
        }
    }
}

extension Plan {
    /// Decides the claims from the results files.
    ///
    /// Claims about extra stages that did not run are left out: nobody asked for them.
    ///
    /// - Throws: `IOIError` that names the file and the field of a figure that is missing.
    func decideClaims(
        by measurements: [ReproductionRecord.Measurement],
        of stages: [Stage],
        in folder: URL
    ) throws -> [ReproductionRecord.Decision] {
        var known: [String: JSONValue] = [:]
        func figure(_ path: FigurePath) throws -> Estimate? {
            guard let name = measurements.first(where: { $0.model == path.model && $0.measure == path.measure })?.file
            else { return nil }
            let file = folder.appendingPathComponent(name)
            let results =
                try known[name] ?? InputFile.decode(ResultsDocument<JSONValue, JSONValue>.self, from: file).results
            known[name] = results
            return try Estimate(at: path.steps, in: results, file: file.path)
        }
        let wanted = self.stages.filter { stage in
            stage.isExtra != true || stages.contains { $0.name == stage.name }
        }
        let asked = Set(wanted.flatMap(\.measurements))
        return try claims.filter { claim in
            [claim.figure, claim.rule.of].allSatisfy { $0.map { asked.contains($0.measurement) } ?? true }
        }.map { claim in
            let (measured, other) = (try figure(claim.figure), try claim.rule.of.flatMap(figure))
            return .init(
                claim: claim, measured: measured, other: other, verdict: claim.verdict(measured, other: other))
        }
    }
}
