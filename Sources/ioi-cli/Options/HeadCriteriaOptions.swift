import ArgumentParser
import IOIKit

/// The thresholds that put heads in classes.
struct HeadCriteriaOptions: ParsableArguments {
    private static let standard = HeadCriteria()

    @Option(
        help: ArgumentHelp("Movers: minimum direct attribution, in % of LD, of either sign.", valueName: "%")
    )
    var attributionShare = standard.attribution

    @Option(help: ArgumentHelp("Movers: minimum copying score, unless --correlation is met.", valueName: "share"))
    var copying = standard.copying

    @Option(
        help: ArgumentHelp(
            "Movers: minimum ρ between attention to a name and what is written along it, unless --copying is met.",
            valueName: "ρ"
        )
    )
    var correlation = standard.correlation

    @Option(help: ArgumentHelp("Minimum mean attention in excess of uniform attention.", valueName: "share"))
    var attention = standard.attention

    @Option(
        help: ArgumentHelp(
            "S-inhibition: minimum fall of LD, in %, when z at END comes from the prompt whose S2 is IO.",
            valueName: "%"
        )
    )
    var inhibitionEffect = standard.inhibition

    @Option(
        help: ArgumentHelp(
            "Backup name movers: minimum fall of LD, in %, when their path to the logits is patched and the name movers "
                + "are knocked out.",
            valueName: "%"
        )
    )
    var backupEffect = standard.backup

    var criteria: HeadCriteria {
        var criteria = HeadCriteria()
        criteria.attribution = attributionShare
        criteria.copying = copying
        criteria.correlation = correlation
        criteria.attention = attention
        criteria.inhibition = inhibitionEffect
        criteria.backup = backupEffect
        return criteria
    }
}
