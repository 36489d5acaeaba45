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

    @Test func ratesRiseAndFall() {
        let constant = RateSchedule()
        #expect([1, 2, 10].allSatisfy { constant.share(at: $0, of: 10) == 1 })
        let rising = RateSchedule(.constant, warmUp: 4)
        #expect([1, 2, 4, 5, 10].map { rising.share(at: $0, of: 10) } == [0.25, 0.5, 1, 1, 1])
        let linear = RateSchedule(.linear, warmUp: 2)
        #expect((1...6).map { linear.share(at: $0, of: 6) } == [0.5, 1, 1, 0.75, 0.5, 0.25])
    }
}
