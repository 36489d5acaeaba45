import ArgumentParser
import IOIKit

/// From where on heads are put in classes.
struct HeadCriteriaOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Movers: least direct attribution, in % of LD, of either sign (default: 2).", valueName: "%")
    )
    var attributionShare: Double?

    @Option(
        help: ArgumentHelp("Movers: least copying score, or else --correlation (default: 0.5).", valueName: "share")
    )
    var copying: Double?

    @Option(
        help: ArgumentHelp(
            "Movers: least ρ of attention to names and what is written of them, or else --copying (default: 0.3).",
            valueName: "ρ"
        )
    )
    var correlation: Double?

    @Option(
        help: ArgumentHelp(
            "Least mean attention beyond what uniform attention would be (default: 0.3).", valueName: "share"
        )
    )
    var attention: Double?

    @Option(
        help: ArgumentHelp(
            "S-inhibition: by how many % LD falls at least with z at END of the prompt whose S2 is IO (default: 2).",
            valueName: "%"
        )
    )
    var inhibitionEffect: Double?

    @Option(
        help: ArgumentHelp(
            "Backup name movers: by how many % of LD it falls at least without their path to the logits, once the name "
                + "movers are knocked out (default: 2).",
            valueName: "%"
        )
    )
    var backupEffect: Double?

    /// - Throws: `IOIError` of kind `usage` for a value that cannot be.
    func criteria() throws -> HeadCriteria {
        var criteria = HeadCriteria()
        let given: [(flag: String, value: Double?, range: ClosedRange<Double>, WritableKeyPath<HeadCriteria, Double>)] =
            [
                ("--attribution-share", attributionShare, 0...1000, \.attribution),
                ("--copying", copying, 0...1, \.copying), ("--correlation", correlation, 0...1, \.correlation),
                ("--attention", attention, 0...1, \.attention),
                ("--inhibition-effect", inhibitionEffect, 0...1000, \.inhibition),
                ("--backup-effect", backupEffect, 0...1000, \.backup),
            ]
        for (flag, value, range, criterion) in given {
            guard let value else { continue }
            try checkFlag(flag, value, in: range)
            criteria[keyPath: criterion] = value
        }
        return criteria
    }
}
