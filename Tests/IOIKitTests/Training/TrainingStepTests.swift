import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct TrainingStepTests {
    static let config = try! GPT2Config(vocabularySize: 61, contextLength: 12, width: 24, layers: 3, heads: 3)
    let workers = Workers(count: 2)

    func parameters() -> GPT2Parameters {
        GPT2Parameters(random: Self.config, seed: 5, deviation: 0.2, workers: workers)
    }

    func batch(_ step: Int, _ rows: PackedBatch.Rows) -> (PackedBatch, labels: [Int]) {
        let prompts = (0..<4).map { prompt in (0..<6 + prompt).map { (17 * step + 7 * prompt + 5 * $0) % 61 } }
        let packed = PackedBatch(prompts, rows: rows, sharesBeginnings: false)
        return (packed, packed.queryOfLabel.indices.map { (11 * step + 3 * $0) % 61 })
    }

    func bits(_ parameters: GPT2Parameters) -> [[UInt32]] {
        parameters.entries.map { parameters.values(of: $0.name)!.map(\.bitPattern) }
    }

    func bits(_ moments: Moments) -> [[UInt32]] {
        GPT2Parameters.entries(of: Self.config).map { moments.values(of: $0.name)!.map(\.bitPattern) }
    }

    /// Blocks that move one after another end where a whole gradient and a whole update lead, bit for bit.
    @Test(arguments: [PackedBatch.Rows.all, .last], [0, 0.1])
    func aBlockMovesAsItWouldWithAllOthers(_ rows: PackedBatch.Rows, rate: Double) {
        let settings = AdamW.Settings(learningRate: 0.01)
        let (moved, expected) = (parameters(), parameters())
        var (optimizer, whole) = (AdamW(Self.config), AdamW(Self.config))
        let capacity = batch(0, rows).0.capacity
        let step = TrainingStep(
            moved, capacity: capacity, hasDropout: rate > 0, settings: settings, workers: workers
        )
        let forward = ForwardPass(
            expected, capacity: capacity, keeping: .forTraining(dropout: rate > 0), workers: workers
        )
        let backward = BackwardPass(forward)
        for index in 0..<3 {
            let (packed, labels) = batch(index, rows)
            let dropout = rate > 0 ? Dropout(rate: rate, seed: 1, step: index) : nil
            let loss = step.run(packed, labels: labels, dropout: dropout, rate: 0.02, optimizer: &optimizer)
            forward.run(packed, dropout: dropout)
            #expect(loss == backward.run(labels: labels))
            whole.update(
                expected, gradients: backward.gradients, settings: settings, rate: 0.02, workers: workers
            )
        }
        #expect(optimizer.step == 3)
        #expect(bits(moved) == bits(expected))
        #expect(bits(optimizer.first) == bits(whole.first) && bits(optimizer.second) == bits(whole.second))
        #expect(bits(moved) != bits(parameters()))
    }

    /// A limit on the whole gradient's length needs the whole gradient.
    @Test func aLimitHoldsForTheWholeGradient() {
        let (packed, labels) = batch(0, .all)
        func gradient(clip: Double?) -> [Float] {
            let moved = parameters()
            var optimizer = AdamW(Self.config)
            let settings = AdamW.Settings(learningRate: 0.01, clip: clip)
            let step = TrainingStep(moved, capacity: packed.capacity, settings: settings, workers: workers)
            _ = step.run(packed, labels: labels, rate: 0.01, optimizer: &optimizer)
            return moved.entries.flatMap { optimizer.first.values(of: $0.name)! }
        }
        let free = gradient(clip: nil)
        let norm = 10 * free.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        for (cut, free) in zip(gradient(clip: norm / 4), free) { #expect(abs(cut - free / 4) <= 1e-5 * abs(free)) }
    }

    @Test(arguments: [nil, 1.0])
    func aLossThatIsNotFiniteMovesNothing(_ clip: Double?) {
        let broken = parameters()
        broken.finalGamma.base[0] = .nan
        let before = bits(broken)
        var optimizer = AdamW(Self.config)
        let (packed, labels) = batch(0, .last)
        let step = TrainingStep(
            broken, capacity: packed.capacity, settings: AdamW.Settings(clip: clip), workers: workers
        )
        #expect(step.run(packed, labels: labels, rate: 0.01, optimizer: &optimizer).isNaN)
        #expect(optimizer.step == 0 && bits(broken) == before)
    }
}
