/// What share of some work is done that is done in stages.
final class StagedProgress {
    private let total: Double
    private var begun = 0.0
    private let report: (Double) -> Void

    /// - Parameter total: the sum of the stages' weights.
    init(total: Double, report: @escaping (Double) -> Void) {
        self.total = total
        self.report = report
    }

    /// Begins the next stage.
    ///
    /// - Parameter weight: how long it takes beside the others.
    /// - Returns: what is to be told the share of the stage that is done.
    func stage(_ weight: Double) -> (Double) -> Void {
        let before = begun
        begun += weight
        return { [total, report] share in report((before + weight * share) / total) }
    }
}
