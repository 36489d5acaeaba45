import Testing

@testable import IOIKit

@Suite struct ScheduleTests {
    @Test func everyEpochTakesEveryExampleOnceInAnOrderOfItsOwn() {
        let settings = FinetuneSettings(epochs: 3, batch: 8, threads: 1, savedEpochs: [])
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
        let settings = FinetuneSettings(
            epochs: 3, batch: 8, isShuffled: false, threads: 1, savedEpochs: [], stepLimit: 4
        )
        let schedule = Schedule(settings: settings, examples: 16)
        #expect(schedule.steps == 4)
        #expect(schedule.order(ofEpoch: 2) == Array(0..<16))
        #expect(schedule.slice(of: 3) == 0..<8)
    }
}
