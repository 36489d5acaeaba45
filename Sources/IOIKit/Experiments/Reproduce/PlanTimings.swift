import Foundation

/// Estimates how long the work of a plan takes from short timings of the same work on the base model. Models of one shape
/// take equally long.
final class PlanTimings {
    private let measuring: PlanMeasuring
    private let settings: RunSettings
    private let observe: (String) -> Void
    private var measures: [Plan.Measure: Double] = [:]
    private var trainings: [String: (perStep: Double, stepsPerEpoch: Int)] = [:]

    /// A timing as long as this is not mostly noise.
    private static let enough = 1.0
    /// The steps of a run that are timed: the first warms up.
    private static let steps = 3

    /// - Parameter observe: called with what is timed next.
    init(_ measuring: PlanMeasuring, settings: RunSettings, observe: @escaping (String) -> Void) {
        self.measuring = measuring
        self.settings = settings
        self.observe = observe
    }

    /// The time of a measurement of one model.
    func seconds(of measure: Plan.Measure) throws -> Double {
        if let known = measures[measure] { return known }
        observe(measure.description)
        let whole = measuring.prompts.dataset(for: measure).count
        // Some work does not grow with the number of prompts, so the time is that of a line through two numbers.
        // Few prompts let a search find more heads than many do.
        var (count, times) = (min(measure.kind == .circuit ? 4 : 2, whole), [(count: Double, seconds: Double)]())
        while true {
            times.append((Double(count), try time { try measuring.rehearse(measure, count: count) }))
            if count == whole || times.count > 1 && times.last!.seconds >= Self.enough { break }
            count = min(2 * count, whole)
        }
        let last = times.last!
        var seconds = last.seconds
        if let before = times.dropLast().last {
            let slope = (last.seconds - before.seconds) / (last.count - before.count)
            // No work takes less than nothing, whatever the noise of the timings.
            seconds += min(max(0, slope), last.seconds / last.count) * (Double(whole) - last.count)
        }
        measures[measure] = seconds
        return seconds
    }

    /// The number of steps of a training run, and their time.
    func time(_ training: StageTraining) throws -> (steps: Int?, seconds: Double) {
        // The number of epochs changes neither a step nor their number in an epoch.
        var settings = training.settings
        (settings.epochs, settings.savedEpochs, settings.stepLimit) = (1, [], Self.steps)
        let key = try CacheKey.text(training.prompts) + CacheKey.text(settings)
        if trainings[key] == nil {
            observe("a training step, \(training.prompts.dataset), recipe \(settings.recipe.rawValue)")
            trainings[key] = try rehearse(training.prompts, settings)
        }
        let (perStep, stepsPerEpoch) = trainings[key]!
        let steps = training.settings.epochs * stepsPerEpoch
        return (steps, Double(steps) * perStep)
    }

    /// Runs a few steps in a folder of its own, which is removed.
    private func rehearse(_ prompts: PromptSource, _ settings: TrainingSettings) throws -> (Double, Int) {
        struct Enough: Error {}
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let job = try FinetuneJob.start(
            in: RunFolder(folder), from: measuring.base, on: .prompts(prompts), heldOut: nil, settings: settings
        )
        var ends = [ContinuousClock.now]
        do {
            _ = try job.train(observe: { event in
                guard case .step = event else { return }
                ends.append(.now)
                // Before the checkpoint at the end is written.
                if ends.count > job.trainer.steps { throw Enough() }
            })
        } catch is Enough {}
        let timed = ends.count > 2 ? ends.dropFirst() : ends[...]
        return ((timed.last! - timed.first!) / .seconds(1) / Double(timed.count - 1), job.trainer.stepsPerEpoch)
    }

    /// The same on all ranks, which take the same decisions by it.
    private func time(_ body: () throws -> Void) throws -> Double {
        let started = ContinuousClock.now
        try body()
        return try settings.ranks.onFirst { (ContinuousClock.now - started) / .seconds(1) }
    }
}
