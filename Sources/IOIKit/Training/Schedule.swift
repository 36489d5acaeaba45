/// Which examples each step of a run takes. A step depends on its number alone, so that a run resumed from any checkpoint
/// continues as if it had never stopped.
struct Schedule {
    let settings: TrainingSettings
    let examples: Int

    var stepsPerEpoch: Int { (examples + settings.batch - 1) / settings.batch }

    var steps: Int { min(settings.stepLimit ?? .max, settings.epochs * stepsPerEpoch) }

    /// The epoch of a step; both count from 1.
    func epoch(of step: Int) -> Int { (step - 1) / stepsPerEpoch + 1 }

    /// The epoch that ends with `step`, if any.
    func epochEnding(at step: Int) -> Int? { step % stepsPerEpoch == 0 ? step / stepsPerEpoch : nil }

    /// The epoch that ends with `step` and whose checkpoint is kept, if any; the last epoch's always is.
    func keptEpoch(at step: Int) -> Int? {
        guard let epoch = epochEnding(at: step) else { return nil }
        return step == steps || settings.savedEpochs.contains(epoch) ? epoch : nil
    }

    /// The epochs whose checkpoints a run of these steps keeps, ascending.
    func keptEpochs(through step: Int) -> [Int] {
        let last = epochEnding(at: steps).map { [$0] } ?? []
        return Set(settings.savedEpochs + last).filter { $0 * stepsPerEpoch <= step }.sorted()
    }

    /// The number of checkpoints that a run saves after `step`.
    func checkpoints(after step: Int) -> Int {
        let due = settings.checkpointInterval.map { steps / $0 - step / $0 } ?? 0
        let ends = Set(keptEpochs(through: steps).map { $0 * stepsPerEpoch } + [steps])
        return due + ends.count { end in end > step && settings.checkpointInterval.map { end % $0 != 0 } ?? true }
    }

    /// The order of the examples in an epoch.
    func order(ofEpoch epoch: Int) -> [Int] {
        var order = Array(0..<examples)
        guard settings.isShuffled else { return order }
        var generator = SeededGenerator(settings.seed, "epoch order", epoch)
        generator.shuffle(&order)
        return order
    }

    /// The examples of `step`, as a range of the epoch's order.
    func slice(of step: Int) -> Range<Int> {
        let start = (step - 1) % stepsPerEpoch * settings.batch
        return start..<min(start + settings.batch, examples)
    }
}

/// How the learning rate changes over a run.
public struct RateSchedule: Codable, Equatable, Sendable {
    public enum Course: String, Codable, CaseIterable, Sendable {
        /// Constant after the warm-up.
        case constant
        /// Linear decay to 0 after the last step.
        case linear
    }

    public var course: Course
    /// Steps over which the rate first rises from 0.
    public var warmUp: Int

    enum CodingKeys: String, CodingKey {
        case course
        case warmUp = "warm_up"
    }

    public init(_ course: Course = .constant, warmUp: Int = 0) {
        self.course = course
        self.warmUp = warmUp
    }

    /// The fraction of the full rate at `step`, from 1, of `steps`.
    func share(at step: Int, of steps: Int) -> Double {
        if step <= warmUp { return Double(step) / Double(warmUp) }
        switch course {
        case .constant: return 1
        case .linear: return Double(steps - step + 1) / Double(steps - warmUp)
        }
    }
}
