/// A prompt of any task: after it some next tokens are right and some are wrong.
///
/// Token indices start at 0 and count the beginning-of-text token, if there is one.
public struct Prompt: Equatable, Sendable {
    /// The index of the prompt in its dataset.
    public var id: Int
    /// The name of its dataset, or of the user's data.
    public var dataset: String
    /// The name of its sentence.
    public var template: String
    /// The kind of prompt, by which results are split: the order of the names (IOI), the numbers of the nouns, the decade.
    public var group: String
    /// The prompt up to the answer, without the beginning-of-text token.
    public var text: String
    public var tokens: [Int]
    /// A prompt without the information that the task needs, from which patching and ablation take values.
    public var counterfactualText: String?
    /// The tokens of the counterfactual, as many as the prompt's; nil if there is none.
    public var counterfactualTokens: [Int]?
    /// At least one.
    public var rightTokens: [Int]
    /// Empty for a task in which no answer is wrong in particular.
    public var wrongTokens: [Int]
    /// The label, with its leading space if it has one.
    public var answer: String
    public var answerToken: Int
    public var positions: Positions
    /// The words in the slots of its sentence; empty if there is none.
    public var words: [String: String]

    public init(
        id: Int,
        dataset: String,
        template: String,
        group: String,
        text: String,
        tokens: [Int],
        counterfactualText: String? = nil,
        counterfactualTokens: [Int]?,
        rightTokens: [Int],
        wrongTokens: [Int],
        answer: String,
        answerToken: Int,
        positions: Positions? = nil,
        words: [String: String] = [:]
    ) {
        self.id = id
        self.dataset = dataset
        self.template = template
        self.group = group
        self.text = text
        self.tokens = tokens
        self.counterfactualText = counterfactualText
        self.counterfactualTokens = counterfactualTokens
        self.rightTokens = rightTokens
        self.wrongTokens = wrongTokens
        self.answer = answer
        self.answerToken = answerToken
        self.positions = positions ?? Positions([:], count: tokens.count)
        self.words = words
    }

    /// The tokens of the counterfactual.
    ///
    /// - Throws: `IOIError` if the prompt has none, or one of a different length.
    func counterfactual() throws -> [Int] {
        guard let counterfactualTokens else {
            throw IOIError(
                "prompt \(id): found no counterfactual, expected one of as many tokens; a model with a tokenizer derives "
                    + "that of an IOI prompt"
            )
        }
        guard counterfactualTokens.count == tokens.count else {
            throw IOIError(
                "prompt \(id): found a counterfactual of \(counterfactualTokens.count) tokens, expected \(tokens.count)"
            )
        }
        return counterfactualTokens
    }

    /// What prompts have in common that differ only in their words: the order of the names, or the named positions.
    var structure: String {
        positions.areIOI ? group : positions.inOrder.map { "\($0.name.text) \($0.index)" }.joined(separator: ", ")
    }
}

extension [Prompt] {
    /// The positions that all prompts name, in their order in the first prompt, or in that of IOI's files.
    var sharedPositions: [PositionName] {
        let own = first?.positions.names ?? []
        let names =
            allSatisfy(\.positions.areIOI) ? PositionName.ioi + own.filter { !PositionName.ioi.contains($0) } : own
        return names.filter { name in allSatisfy { $0.positions[name] != nil } }
    }

    /// Checks that all prompts have the positions that are selected.
    ///
    /// - Parameter field: the option that selects them.
    /// - Throws: `IOIError` for the option, listing the positions that all prompts have.
    func check(_ selections: some Sequence<PositionSelection>, field: String) throws {
        for case .one(let name) in Set(selections) {
            guard let lacking = first(where: { $0.positions[name] == nil }) else { continue }
            let some = lacking.id == self[0].id ? "" : " in prompt \(lacking.id)"
            throw IOIError.invalid(
                field,
                "found the position \(name)\(some), expected one of \(sharedPositions.map(\.text).joined(separator: ", ")), which "
                    + "the prompts name, or all"
            )
        }
    }
}
