import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ScheduleTests {
    @Test func everyEpochTakesEveryExampleOnceInAnOrderOfItsOwn() {
        let settings = TrainingSettings(epochs: 3, batch: 8, threads: 1, savedEpochs: [])
        let schedule = Schedule(settings: settings, examples: 21)
        #expect(schedule.stepsPerEpoch == 3 && schedule.steps == 9)
        var orders: [[Int]] = []
        for epoch in 1...3 {
            let steps = (1...9).filter { schedule.epoch(of: $0) == epoch }
            let order = schedule.order(ofEpoch: epoch)
            let taken = steps.flatMap { order[schedule.slice(of: $0)] }
            #expect(taken.sorted() == Array(0..<21))
            #expect(schedule.epochEnding(at: steps.last!) == epoch)
            #expect(schedule.epochEnding(at: steps.first!) == nil)
            orders.append(taken)
        }
        #expect(Set(orders).count == 3)
        #expect(schedule.order(ofEpoch: 2) == orders[1])
    }

    @Test func fileOrderAndStepLimit() {
        let settings = TrainingSettings(
            epochs: 3, batch: 8, isShuffled: false, threads: 1, savedEpochs: [], stepLimit: 4
        )
        let schedule = Schedule(settings: settings, examples: 16)
        #expect(schedule.steps == 4)
        #expect(schedule.order(ofEpoch: 2) == Array(0..<16))
        #expect(schedule.slice(of: 3) == 0..<8)
    }

    /// Compared with asking for every step.
    @Test func checkpointsAreCountedWithoutTheSteps() {
        for epochs in [1, 3, 7] {
            for (saved, interval, limit) in [
                ([], nil, nil), ([1, 2], nil, nil), ([1, 3], 2, nil), ([2], 5, 11), ([1, 2, 3], 3, 4), ([], 1, nil),
            ] as [([Int], Int?, Int?)] {
                let settings = TrainingSettings(
                    epochs: epochs, batch: 8, threads: 1, savedEpochs: saved.filter { $0 <= epochs },
                    checkpointInterval: interval, stepLimit: limit
                )
                let schedule = Schedule(settings: settings, examples: 21)
                for done in 0...schedule.steps {
                    let kept = (1...max(done, 1)).filter { $0 <= done }.compactMap(schedule.keptEpoch)
                    #expect(schedule.keptEpochs(through: done) == kept)
                    let ends = (done..<schedule.steps).map { $0 + 1 }.count { step in
                        step == schedule.steps || schedule.keptEpoch(at: step) != nil
                            || interval.map { step % $0 == 0 } == true
                    }
                    #expect(schedule.checkpoints(after: done) == ends)
                }
            }
        }
        let long = TrainingSettings(epochs: 100_000, batch: 1, threads: 1, savedEpochs: [1])
        #expect(Schedule(settings: long, examples: 1_000_000_000).checkpoints(after: 0) == 2)
    }

    @Test func ratesRiseAndFall() {
        let constant = RateSchedule()
        #expect([1, 2, 10].allSatisfy { constant.share(at: $0, of: 10) == 1 })
        let rising = RateSchedule(.constant, warmUp: 4)
        #expect([1, 2, 4, 5, 10].map { rising.share(at: $0, of: 10) } == [0.25, 0.5, 1, 1, 1])
        let linear = RateSchedule(.linear, warmUp: 2)
        #expect((1...6).map { linear.share(at: $0, of: 6) } == [0.5, 1, 1, 0.75, 0.5, 0.25])
    }
}
