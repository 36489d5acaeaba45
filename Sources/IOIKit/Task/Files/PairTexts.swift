/// The texts of prompts, for files that hold nothing but texts: reading them gives the prompts' tokens again.
struct PairTexts {
    struct Pair {
        let text: String
        let counterfactual: String?
        /// With their leading spaces.
        let right, wrong: [String]
        /// Whether the prompt begins with `<|endoftext|>`, which its text does not say.
        let beginsText: Bool
    }

    let tokenizer: BPETokenizer

    /// - Throws: `IOIError` naming the prompt and the field whose tokens do not follow from a text.
    func pairs(_ prompts: [Prompt]) throws -> [Pair] {
        let pairs = try prompts.map(pair)
        if let other = pairs.firstIndex(where: { $0.beginsText != pairs[0].beginsText }) {
            throw IOIError(
                "prompts \(prompts[0].id) and \(prompts[other].id): found <|endoftext|> at the beginning of one, expected it "
                    + "in all or none, because the file holds texts only"
            )
        }
        return pairs
    }

    private func pair(_ prompt: Prompt) throws -> Pair {
        func fault(_ field: String, _ found: String, _ expected: String) -> IOIError {
            IOIError(
                "prompt \(prompt.id): \(field): found \(found), expected \(expected), because the file holds texts only"
            )
        }
        let beginning = tokenizer.endOfText.map { [$0] } ?? []
        let plain = tokenizer.encode(prompt.text)
        let beginsText = prompt.tokens != plain
        guard !beginsText || prompt.tokens == beginning + plain else {
            throw fault("tokens", "others than those of the text", "those")
        }
        var counterfactual = prompt.counterfactualText
        if let tokens = prompt.counterfactualTokens {
            let own = beginsText ? Array(tokens.dropFirst()) : tokens
            let text = counterfactual ?? tokenizer.decode(own)
            guard (beginsText ? beginning : []) + tokenizer.encode(text) == tokens else {
                throw fault("counterfactual_tokens", "others than those of a text", "those of \(text.quoted)")
            }
            counterfactual = text
        }
        func words(_ field: String, _ tokens: [Int]) throws -> [String] {
            try tokens.map { token in
                let word = tokenizer.decode([token])
                guard tokenizer.token(for: word) == token else {
                    throw fault(
                        field, "token \(token), which is not the token of \(word.quoted)", "tokens that are words")
                }
                return word
            }
        }
        return Pair(
            text: prompt.text, counterfactual: counterfactual, right: try words("right_tokens", prompt.rightTokens),
            wrong: try words("wrong_tokens", prompt.wrongTokens), beginsText: beginsText
        )
    }
}
