/// Prompts that are run together.
struct PromptBatch {
    let prompts: ArraySlice<Prompt>
    /// The inputs of the unpatched run.
    let packed: PackedBatch

    /// The selected tokens of every prompt, in ascending order.
    func tokens(_ selections: [PositionSelection]) -> [Int] {
        zip(prompts, packed.prompts).flatMap { prompt, tokens in
            let positions = selections.flatMap { $0.positions(in: prompt.positions, count: tokens.count) }
            return Set(positions).sorted().map { tokens.lowerBound + $0 }
        }
    }

    /// The tokens at or after each prompt's position in `firsts`. Earlier tokens are the same in host and donor run.
    func tokens(_ tokens: [Int], from firsts: [Int]) -> [Int] {
        tokens.filter { token in
            let prompt = packed.promptOfToken[token]
            return token - packed.prompts[prompt].lowerBound >= firsts[prompt]
        }
    }

    /// The input of each prompt's unpatched run.
    var inputs: [[Int]] {
        packed.prompts.map { tokens in packed.rowOfToken[tokens].map { packed.tokens[$0] } }
    }

    /// The last token of each prompt.
    var ends: [Int] { packed.prompts.map { $0.upperBound - 1 } }
}

extension Prompt {
    /// The tokens of the counterfactual.
    ///
    /// - Throws: ``IOIError`` if the prompt has none, or one of a different length.
    func counterfactual() throws -> [Int] {
        guard let abcTokens else {
            throw IOIError(
                "prompt \(id): found no abc_tokens, expected a counterfactual; a model with a tokenizer derives it"
            )
        }
        guard abcTokens.count == tokens.count else {
            throw IOIError("prompt \(id): found \(abcTokens.count) abc_tokens, expected \(tokens.count)")
        }
        return abcTokens
    }
}

/// The length of the common prefix of two inputs.
func commonPrefix(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).prefix { $0 == $1 }.count }

/// A pass of a model over prompts in batches, from which several analyses can read.
enum PromptPass {
    /// - Parameters:
    ///   - sites: the sites that each run keeps, at all rows.
    ///   - body: reads a batch's run.
    /// - Throws: errors from `body`; a ``PatchInterruption`` without measures.
    static func run(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        keeping sites: Set<Site>,
        settings: RunSettings,
        progress: (Double) -> Void = { _ in },
        body: (PromptBatch, ForwardPass) throws -> Void
    ) throws {
        let size = min(RunSettings.prompts, prompts.count)
        let forward = ForwardPass(
            model, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .all),
            keeping: sites, workers: settings.workers
        )
        for start in stride(from: 0, to: prompts.count, by: size) {
            try settings.checkInterruption()
            let range = start..<min(start + size, prompts.count)
            let batch = PromptBatch(
                prompts: prompts[range], packed: PackedBatch(prompts[range].map(\.tokens), rows: .all)
            )
            forward.run(batch.packed)
            try body(batch, forward)
            progress(Double(range.upperBound) / Double(prompts.count))
        }
    }
}
