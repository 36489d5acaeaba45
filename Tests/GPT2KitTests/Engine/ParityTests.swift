import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

/// Every number of the engine against PyTorch's in float64.
///
/// Measured errors lie between 1e-7 and 3e-6 of a tensor's largest value, which is what float32 leaves after a few
/// dozen to a few thousand roundings; the bound leaves a factor of about ten for other BLAS kernels.
@Suite struct ParityTests {
    static let tolerance = 3e-5

    @Test(arguments: ReferenceModel.all, Workers.exact)
    func logitsAndSites(_ model: ReferenceModel, workers: Workers) throws {
        let parameters = try model.parameters(workers: workers).withParts(workers: workers)
        let (batch, reference) = (try model.batch(), try model.tensors("reference"))
        let packed = PackedBatch(batch.prompts, rows: .all)
        let capacity = BatchCapacity(lengths: batch.prompts.map(\.count), count: batch.prompts.count, rows: .all)
        let forward = ForwardPass(
            parameters, capacity: capacity, keeping: Set(Site.allCases), workers: workers
        )
        forward.run(packed)
        let rows = forward.logitChunks.flatMap { chunk in
            let logits = forward.logits(of: chunk)
            return (0..<chunk.count).map { Array(logits.row($0)) }
        }
        let logits = packed.queryOfLabel.flatMap { rows[$0] }
        #expect(relativeError(logits, try reference.values("logits")) < Self.tolerance)

        let config = parameters.config
        for site in Site.allCases {
            for layer in 0..<config.layers {
                let error =
                    site == .pattern
                    ? try patternError(forward, layer: layer, reference)
                    : relativeError(
                        try values(site, layer: layer, forward),
                        try reference.values("\(site.rawValue).\(layer)")
                    )
                #expect(error < Self.tolerance, "\(site) of layer \(layer): \(error)")
            }
        }
        let last = try values(.residPost, layer: config.layers - 1, forward)
        #expect(relativeError(last, try reference.values("final")) < Self.tolerance)
    }

    @Test(arguments: ReferenceModel.all.flatMap { [($0, "answer"), ($0, "all")] }, Workers.exact)
    func lossAndGradients(_ loss: (model: ReferenceModel, span: String), workers: Workers) throws {
        let (model, span) = loss
        let (parameters, batch) = (
            try model.parameters(workers: workers).withParts(workers: workers), try model.batch()
        )
        let reference = try model.tensors("gradients")
        let (backward, labels) = run(parameters, batch, span: span, workers)
        let loss = backward.run(labels: labels)
        let expected = span == "answer" ? batch.lossAnswer : batch.lossAll
        #expect(abs(loss - expected) < Self.tolerance * expected)
        guard reference.tensors.keys.contains("\(span).wte.weight") else { return }
        for entry in parameters.entries {
            let gradient = backward.gradients.values(of: entry.name)!
            let error = relativeError(gradient, try reference.values("\(span).\(entry.name)"))
            #expect(error < Self.tolerance, "gradient of \(entry.name): \(error)")
        }
    }

    /// Dropout with the masks that the reference computed for itself.
    @Test(arguments: ReferenceModel.all.filter { (try? $0.dropout()) != nil }, Workers.exact)
    func dropout(_ model: ReferenceModel, workers: Workers) throws {
        let (parameters, batch) = (
            try model.parameters(workers: workers).withParts(workers: workers), try model.batch()
        )
        let (expected, reference) = (try model.dropout(), try model.tensors("dropout"))
        let packed = PackedBatch(batch.prompts, rows: .all, sharesBeginnings: false)
        let forward = ForwardPass(
            parameters, capacity: packed.capacity, keeping: .forTraining(dropout: true), workers: workers
        )
        forward.run(packed, dropout: Dropout(rate: expected.rate, seed: expected.seed, step: expected.step))
        let backward = BackwardPass(forward)
        let loss = backward.run(labels: zip(batch.prompts, batch.answers).flatMap { $0.dropFirst() + [$1] })
        #expect(abs(loss - expected.loss) < Self.tolerance * expected.loss)
        #expect(abs(loss - batch.lossAll) > 100 * Self.tolerance * loss)
        for entry in parameters.entries {
            let gradient = backward.gradients.values(of: entry.name)!
            let error = relativeError(gradient, try reference.values(entry.name))
            #expect(error < Self.tolerance, "gradient of \(entry.name): \(error)")
        }
    }

    @Test(arguments: ReferenceModel.all.flatMap { [($0, "answer"), ($0, "all")] }, Workers.exact)
    func tenSteps(_ loss: (model: ReferenceModel, span: String), workers: Workers) throws {
        let (model, span) = loss
        let (parameters, batch) = (
            try model.parameters(workers: workers).withParts(workers: workers), try model.batch()
        )
        let (backward, labels) = run(parameters, batch, span: span, workers)
        let settings = AdamW.Settings(
            learningRate: batch.adamw.lr, weightDecay: batch.adamw.weightDecay, beta1: batch.adamw.betas[0],
            beta2: batch.adamw.betas[1], epsilon: batch.adamw.eps
        )
        var optimizer = AdamW(parameters.config)
        let expected = span == "answer" ? batch.adamw.lossesAnswer : batch.adamw.lossesAll
        #expect(expected.count == 10 && expected.last! < 0.98 * expected.first!)
        for (step, expected) in expected.enumerated() {
            backward.forward.run(packed(batch, span: span))
            let loss = backward.run(labels: labels)
            #expect(abs(loss - expected) < 1e-4 * expected, "step \(step): \(loss), expected \(expected)")
            optimizer.update(parameters, gradients: backward.gradients, settings: settings, workers: workers)
        }
    }

    /// Rounding a factor to eight bits changes it by 2⁻⁹ at most; over a dozen products, most of those errors cancel.
    @Test(.enabled(if: Precision.bf16.isAvailable()), arguments: ReferenceModel.all)
    func halvesComeNear(_ model: ReferenceModel) throws {
        let workers = Workers(count: 2, precision: .bf16)
        let parameters = try model.parameters(workers: workers).withParts(workers: workers)
        let (batch, reference) = (try model.batch(), try model.tensors("gradients"))
        let (backward, labels) = run(parameters, batch, span: "answer", workers)
        let loss = backward.run(labels: labels)
        let difference = abs(loss - batch.lossAnswer) / batch.lossAnswer
        // Further from the reference than singles, so that they were in fact rounded.
        #expect(difference > 1e-7 && difference < 2e-3)
        guard reference.tensors.keys.contains("answer.wte.weight") else { return }
        for entry in parameters.entries where entry.isMatrix {
            let gradient = backward.gradients.values(of: entry.name)!
            let error = relativeError(gradient, try reference.values("answer.\(entry.name)"))
            #expect(error > 1e-5 && error < 3e-2, "gradient of \(entry.name): \(error)")
        }
    }

    /// A forward pass that has run, ready for its backward pass.
    private func run(
        _ parameters: GPT2Parameters,
        _ batch: ReferenceModel.Batch,
        span: String,
        _ workers: Workers
    ) -> (BackwardPass, labels: [Int]) {
        let packed = packed(batch, span: span)
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(
                lengths: batch.prompts.map(\.count), count: batch.prompts.count,
                rows: span == "answer" ? .last : .all
            ),
            keeping: .forBackward, workers: workers
        )
        forward.run(packed)
        let followers = zip(batch.prompts, batch.answers).flatMap { $0.dropFirst() + [$1] }
        return (BackwardPass(forward), span == "answer" ? batch.answers : followers)
    }

    private func packed(_ batch: ReferenceModel.Batch, span: String) -> PackedBatch {
        PackedBatch(batch.prompts, rows: span == "answer" ? .last : .all)
    }

    /// All rows of a site, [rows, (heads,) width].
    private func values(_ site: Site, layer: Int, _ forward: ForwardPass) throws -> [Float] {
        let heads = site.isPerHead ? (0..<forward.parameters.config.heads).map(Optional.some) : [nil]
        return try forward.batch.prompts.enumerated().flatMap { prompt, rows in
            try (0..<rows.count).flatMap { position in
                try heads.flatMap {
                    try forward.cache.values(site, layer: layer, head: $0, prompt: prompt, position: position)
                }
            }
        }
    }

    private func patternError(
        _ forward: ForwardPass,
        layer: Int,
        _ reference: SafetensorsFile
    ) throws -> Double {
        try forward.batch.prompts.enumerated().map { prompt, rows in
            let found = try (0..<forward.parameters.config.heads).flatMap { head in
                try (0..<rows.count).flatMap { position in
                    try forward.cache.values(
                        .pattern, layer: layer, head: head, prompt: prompt, position: position
                    )
                }
            }
            return relativeError(found, try reference.values("pattern.\(layer).\(prompt)"))
        }.max()!
    }
}
