import IOIKit
import TestSupport
import Testing

/// What the README shows, by a user who sees public names only.
@Suite struct PublicAPITests {
    @Test func theReadmesLinesWork() throws {
        let folder = TemporaryModel.shared.model
        let workers = Workers()
        let model = try GPT2(ModelLocation.find(folder.path), workers: workers)
        let data = try PromptSource(count: 100).data(for: model)
        let measures = try Evaluator(model.parameters, workers: workers).measure(data.prompts)
        let difference = try #require(ChoiceEvaluation(measures, seed: 0).all.logitDifference)
        #expect(difference.bounds[0] < difference.mean && difference.mean < difference.bounds[1])

        let batch = PackedBatch([data.prompts[0].tokens], rows: .last)
        let forward = ForwardPass(model.parameters, capacity: batch.capacity, keeping: [.pattern], workers: workers)
        forward.run(batch)
        let end = data.prompts[0].positions.end
        let pattern = try forward.cache.values(.pattern, layer: 1, head: 3, prompt: 0, position: end)
        #expect(pattern.count == end + 1)
        #expect(abs(pattern.reduce(0, +) - 1) < 1e-5)

        let sweep = try PathPatching(cells: model.config.allHeads.map { [.head($0)] }, receivers: [.logits])
        let patched = try sweep.measure(model.parameters, data.prompts, settings: RunSettings(workers: workers))
        let effect = PatchEffects(patched, seed: 0, workers: workers).cells[1].effect
        #expect(try #require(effect.value).isFinite && effect.ci95?.count == 2)
    }
}
