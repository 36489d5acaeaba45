import TestSupport
import Testing

@testable import GPT2Kit

/// What a prompt's company, the number of threads and a second run may not change.
@Suite struct PackingTests {
    static let config = try! GPT2Config(
        vocabularySize: 53, contextLength: 24, width: 24, layers: 3, heads: 3, innerWidth: 40
    )
    /// Of different lengths; the last four begin like others: with one, with the whole of one, as one does in its
    /// middle, and as a repetition.
    static let prompts: [[Int]] = {
        let apart = [9, 2, 24, 1, 13].enumerated().map { index, length in
            (0..<length).map { (7 * $0 + 11 * index) % 53 }
        }
        return apart + [apart[2].prefix(5) + [50, 51], apart[0] + [3, 4], Array(apart[4].prefix(6)), apart[2]]
    }()
    static let parameters: GPT2Parameters = {
        let parameters = GPT2Parameters(
            random: config, seed: 3, deviation: 0.3, workers: Workers(count: 1)
        )
        return parameters
    }()

    struct Outcome {
        let loss: Double
        let logits: [[Float]]
        let gradients: [[Float]]
    }

    func run(
        _ indices: [Int] = Array(prompts.indices),
        rows: PackedBatch.Rows,
        threads: Int = 2,
        sharesBeginnings: Bool = true
    ) -> Outcome {
        let prompts = indices.map { Self.prompts[$0] }
        let forward = ForwardPass(
            Self.parameters,
            capacity: BatchCapacity(lengths: prompts.map(\.count), count: prompts.count, rows: rows),
            keeping: .forBackward, workers: Workers(count: threads)
        )
        let batch = PackedBatch(prompts, rows: rows, sharesBeginnings: sharesBeginnings)
        forward.run(batch)
        let logits = forward.logits(of: 0..<batch.queries.count)
        let values = batch.queryOfLabel.map { Array(logits.row($0)) }
        let backward = BackwardPass(forward)
        // Not the same in prompts that begin alike.
        let labels = indices.flatMap { index in
            let labels = Self.prompts[index].indices.map { (5 * index + 3 * $0 + 1) % 53 }
            return rows == .all ? labels : labels.suffix(1)
        }
        let loss = backward.run(labels: labels)
        return Outcome(
            loss: loss, logits: values,
            gradients: Self.parameters.entries.map { backward.gradients.values(of: $0.name)! }
        )
    }

    @Test(arguments: [PackedBatch.Rows.all, .last])
    func aPromptsLogitsAndGradientsDoNotDependOnItsCompany(_ rows: PackedBatch.Rows) {
        let together = run(rows: rows)
        let alone = Self.prompts.indices.map { run([$0], rows: rows) }
        #expect(relativeError(together.logits.flatMap { $0 }, alone.flatMap { $0.logits.flatMap { $0 } }) < 1e-6)
        // The gradient of the mean is the mean of the gradients, weighted by the rows of each prompt.
        let weights = alone.map { Double($0.logits.count) / Double(together.logits.count) }
        for (index, entry) in Self.parameters.entries.enumerated() {
            let expected = together.gradients[index].indices.map { i in
                Float(zip(alone, weights).reduce(0.0) { $0 + Double($1.0.gradients[index][i]) * $1.1 })
            }
            // Gradients of the key biases are zero but for rounding.
            let scale = max(expected.map(abs).max()!, 1e-3)
            let worst = zip(together.gradients[index], expected).map { abs($0 - $1) }.max()!
            #expect(worst / scale < 1e-5, "\(entry.name)")
        }
    }

    @Test(arguments: [PackedBatch.Rows.all, .last])
    func sharedBeginningsChangeNoMoreThanRounding(_ rows: PackedBatch.Rows) {
        let (shared, apart) = (run(rows: rows), run(rows: rows, sharesBeginnings: false))
        #expect(abs(shared.loss - apart.loss) < 1e-6 * apart.loss)
        #expect(relativeError(shared.logits.flatMap { $0 }, apart.logits.flatMap { $0 }) < 1e-6)
        for (index, entry) in Self.parameters.entries.enumerated() {
            let scale = max(apart.gradients[index].map(abs).max()!, 1e-3)
            let worst = zip(shared.gradients[index], apart.gradients[index]).map { abs($0 - $1) }.max()!
            #expect(worst / scale < 1e-5, "\(entry.name)")
        }
    }

    @Test func rowsAreSharedAsFarAsPromptsAreEqual() throws {
        let batch = PackedBatch([[1, 2, 3], [1, 2, 4, 5], [1, 2], [2, 3], [1, 2, 3]], rows: .last)
        #expect(batch.tokens == [1, 2, 3, 4, 5, 2, 3])
        #expect(batch.positions == [0, 1, 2, 2, 3, 0, 1])
        #expect(batch.rowOfToken == [0, 1, 2, 0, 1, 3, 4, 0, 1, 5, 6, 0, 1, 2])
        #expect(batch.queries == [1, 2, 4, 6])
        #expect(batch.queryOfLabel == [1, 2, 0, 3, 1])
        #expect(batch.lastSpans(heads: 1).map(\.queries) == [0..<2, 2..<3, 3..<3, 3..<4, 4..<4])
    }

    @Test func theCacheIsTheSameWhetherRowsAreSharedOrNot() throws {
        func values(sharing: Bool) throws -> [Float] {
            let batch = PackedBatch(Self.prompts, rows: .all, sharesBeginnings: sharing)
            let forward = ForwardPass(
                Self.parameters, capacity: batch.capacity, keeping: Set(Site.allCases), workers: Workers(count: 2)
            )
            forward.run(batch)
            return try Self.prompts.indices.flatMap { prompt in
                try Self.prompts[prompt].indices.flatMap { position in
                    try Site.allCases.flatMap { site in
                        try forward.cache.values(
                            site, layer: 2, head: site.isPerHead ? 1 : nil, prompt: prompt, position: position
                        )
                    }
                }
            }
        }
        #expect(try relativeError(values(sharing: true), values(sharing: false)) < 1e-6)
    }

    @Test func onlyTheRowsThatAreNeededGiveTheSame() {
        let (all, last) = (run(rows: .all), run(rows: .last))
        var end = -1
        let ends = Self.prompts.map { prompt in
            end += prompt.count
            return all.logits[end]
        }
        #expect(relativeError(last.logits.flatMap { $0 }, ends.flatMap { $0 }) < 1e-6)
    }

    @Test(arguments: [1, 3, 7, 32, 128])
    func threadsChangeNoMoreThanRounding(_ threads: Int) {
        let (two, other) = (run(rows: .all), run(rows: .all, threads: threads))
        #expect(abs(two.loss - other.loss) < 1e-6 * two.loss)
        #expect(relativeError(two.logits.flatMap { $0 }, other.logits.flatMap { $0 }) < 1e-6)
        for (index, entry) in Self.parameters.entries.enumerated() {
            // Gradients of the key biases are zero but for rounding.
            let scale = max(two.gradients[index].map(abs).max()!, 1e-3)
            let worst = zip(two.gradients[index], other.gradients[index]).map { abs($0 - $1) }.max()!
            #expect(worst / scale < 1e-5, "\(entry.name)")
        }
    }

    @Test func twoRunsGiveTheSameBytes() {
        let (first, second) = (run(rows: .all), run(rows: .all))
        #expect(first.loss == second.loss)
        #expect(first.logits == second.logits)
        #expect(first.gradients == second.gradients)
    }

    @Test func aSmallerBatchAfterALargerOneIsNotDisturbed() {
        let forward = ForwardPass(
            Self.parameters,
            capacity: BatchCapacity(lengths: Self.prompts.map(\.count), count: Self.prompts.count, rows: .last),
            workers: Workers(count: 2)
        )
        func logits(_ prompts: [[Int]]) -> [Float] {
            forward.run(PackedBatch(prompts, rows: .last))
            return Array(forward.logits(of: 0..<1).row(0))
        }
        let alone = logits([Self.prompts[0]])
        _ = logits(Self.prompts)
        #expect(logits([Self.prompts[0]]) == alone)
    }

    @Test func aPassForTrainingDoesNotPretendToKeepWhatItShares() throws {
        let batch = PackedBatch(Self.prompts, rows: .all)
        let forward = ForwardPass(
            Self.parameters, capacity: batch.capacity, keeping: .forBackward, workers: Workers(count: 1)
        )
        forward.run(batch)
        for site in Site.allCases {
            let read = Result {
                try forward.cache.values(site, layer: 0, head: site.isPerHead ? 0 : nil, prompt: 0, position: 0)
            }
            let isShared = [.attnOut, .mlpOut, .result].contains(site)
            #expect((try? read.get()) == nil ? isShared : !isShared, "\(site)")
        }
    }

    @Test func cacheSaysWhatItDoesNotHold() throws {
        let forward = ForwardPass(
            Self.parameters, capacity: BatchCapacity(lengths: [9], count: 1, rows: .last), keeping: [.z],
            workers: Workers(count: 1)
        )
        forward.run(PackedBatch([Self.prompts[0]], rows: .last))
        #expect(throws: IOIError.self) {
            try forward.cache.values(.q, layer: 0, head: 0, prompt: 0, position: 0)
        }
        #expect(throws: IOIError.self) {
            try forward.cache.values(.z, layer: 2, head: 0, prompt: 0, position: 0)
        }
        #expect(throws: IOIError.self) {
            try forward.cache.values(.z, layer: 3, head: 0, prompt: 0, position: 8)
        }
        #expect(throws: IOIError.self) { try forward.cache.values(.z, layer: 0, prompt: 0, position: 8) }
        #expect(try forward.cache.values(.z, layer: 2, head: 2, prompt: 0, position: 8).count == 8)
        #expect(try forward.cache.values(.z, layer: 1, head: 0, prompt: 0, position: 3).count == 8)
    }
}
