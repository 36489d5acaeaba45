/// Which examples each step of a run takes. Every step can be told from its number alone, so that a run goes on from
/// any checkpoint as if it had never stopped.
struct Schedule {
    let settings: TrainingSettings
    let examples: Int

    var stepsPerEpoch: Int { (examples + settings.batch - 1) / settings.batch }

    /// The number of steps of the whole run.
    var steps: Int { min(settings.stepLimit ?? .max, settings.epochs * stepsPerEpoch) }

    /// The epoch, from 1, that step `step`, from 1, belongs to.
    func epoch(of step: Int) -> Int { (step - 1) / stepsPerEpoch + 1 }

    /// The epoch that ends with `step`, if one does.
    func epochEnding(at step: Int) -> Int? { step % stepsPerEpoch == 0 ? step / stepsPerEpoch : nil }

    /// The epoch that ends with `step` and is to be kept; the last one always is.
    func keptEpoch(at step: Int) -> Int? {
        guard let epoch = epochEnding(at: step) else { return nil }
        return step == steps || settings.savedEpochs.contains(epoch) ? epoch : nil
    }

    /// The order of the examples in an epoch.
    func order(ofEpoch epoch: Int) -> [Int] {
        var order = Array(0..<examples)
        guard settings.isShuffled else { return order }
        var generator = SeededGenerator(settings.seed, "epoch order", epoch)
        generator.shuffle(&order)
        return order
    }

    /// Where in the epoch's order the examples of `step` lie.
    func slice(of step: Int) -> Range<Int> {
        let start = (step - 1) % stepsPerEpoch * settings.batch
        return start..<min(start + settings.batch, examples)
    }
}
