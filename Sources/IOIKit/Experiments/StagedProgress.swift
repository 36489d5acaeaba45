/// The overall progress of work in stages.
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
    /// - Parameter weight: its duration relative to the other stages.
    /// - Returns: a function to call with the share of the stage done.
    func stage(_ weight: Double) -> (Double) -> Void {
        let before = begun
        begun += weight
        return { [total, report] share in report((before + weight * share) / total) }
    }
}
