/// Prompts whose runs are cached together.
struct PromptBatch {
    let prompts: ArraySlice<Prompt>
    /// The input that is patched.
    let packed: PackedBatch

    /// The selected tokens of every prompt, ascending.
    func tokens(_ selections: [PositionSelection]) -> [Int] {
        zip(prompts, packed.prompts).flatMap { prompt, tokens in
            let positions = selections.flatMap { $0.positions(in: prompt.positions, count: tokens.count) }
            return Set(positions).sorted().map { tokens.lowerBound + $0 }
        }
    }

    /// The tokens of each prompt from `firsts`, one position a prompt, on; what lies before is the same in both runs of
    /// a patch.
    func tokens(_ tokens: [Int], from firsts: [Int]) -> [Int] {
        tokens.filter { token in
            let prompt = packed.promptOfToken[token]
            return token - packed.prompts[prompt].lowerBound >= firsts[prompt]
        }
    }

    /// The input of each prompt that is patched.
    var inputs: [[Int]] {
        packed.prompts.map { tokens in packed.rowOfToken[tokens].map { packed.tokens[$0] } }
    }

    /// The last token of each prompt.
    var ends: [Int] { packed.prompts.map { $0.upperBound - 1 } }
}

extension Prompt {
    /// The counterfactual input.
    /// - Throws: `IOIError` where the prompt has none, or one of another length.
    func counterfactual() throws -> [Int] {
        guard let abcTokens else {
            throw IOIError(
                "prompt \(id): found no abc_tokens, which this needs; they are derived where the model has a tokenizer"
            )
        }
        guard abcTokens.count == tokens.count else {
            throw IOIError("prompt \(id): found \(abcTokens.count) abc_tokens, expected \(tokens.count)")
        }
        return abcTokens
    }
}

/// How many tokens two inputs have in common before they first differ.
func commonPrefix(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).prefix { $0 == $1 }.count }
