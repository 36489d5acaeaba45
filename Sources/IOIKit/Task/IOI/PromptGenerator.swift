import Foundation

/// Generates IOI prompts.
///
/// Each prompt has its own random streams: the number of prompts changes none of them, and prompt 17 of a seed has the
/// same people, place and object in all four datasets.
public struct PromptGenerator: Sendable {
    /// The pairs of names (IO, S) to use; the two splits are disjoint.
    public enum Split: String, CaseIterable, Sendable {
        case training
        case heldOut = "held-out"
    }

    private let templates: [TokenizedTemplate]
    private let names: [Word]
    private let nameTokens: [Int]
    private let places: [Word]
    private let objects: [Word]
    private let pairs: NamePairs
    private let tokenizer: BPETokenizer
    private let beginning: [Int]
    private let counterfactual: Counterfactual

    /// - Parameters:
    ///   - beginningOfText: whether prompts begin with `<|endoftext|>`.
    ///   - counterfactual: the counterfactual in `abc_text` and `abc_tokens`.
    ///   - contextLength: the model's context length in tokens, if known.
    ///   - names: the names.
    ///   - tokenizer: the tokenizer of the prompts.
    ///   - templates: the sentences, places and objects.
    /// - Throws: `IOIError` naming every name, place and object that is not a single token, a template whose words join
    ///   the words in its slots, or one longer than the context.
    public init(
        templates: TemplateSet,
        names: NameList,
        tokenizer: BPETokenizer,
        beginningOfText: Bool = false,
        counterfactual: Counterfactual = .distinct,
        contextLength: Int? = nil
    ) throws {
        let words = try Word.tokenized(
            [
                Word.List(source: templates.source, kind: "place", entries: templates.places),
                Word.List(source: templates.source, kind: "object", entries: templates.objects),
                Word.List(source: names.source, kind: "name", entries: names.names),
            ],
            by: tokenizer
        )
        places = words[0]
        objects = words[1]
        self.names = words[2]
        nameTokens = words[2].map(\.token)
        pairs = NamePairs(names.names)
        self.tokenizer = tokenizer
        self.counterfactual = counterfactual
        beginning = beginningOfText ? [try tokenizer.beginningOfText()] : []
        self.templates = templates.templates.map { TokenizedTemplate($0, tokenizer: tokenizer) }
        for (template, tokenized) in zip(templates.templates, self.templates) {
            let fault = "\(templates.source): template \"\(template.name)\": "
            let length = tokenized.length + beginning.count
            if let contextLength, length > contextLength {
                throw IOIError(fault + "\(length) tokens, expected at most the model's context of \(contextLength)")
            }
            try verify(template, tokenized, fault: fault)
        }
    }

    /// Checks that filling slots with tokens gives the tokens of the filled text, with each word once in each of its slots
    /// and the answer at the end.
    ///
    /// A word is tokenized separately from the text around it unless a letter, digit or the like directly follows its
    /// slot, which does not depend on the other slots.
    private func verify(_ template: Template, _ tokenized: TokenizedTemplate, fault: String) throws {
        for index in 0..<max(names.count, places.count, objects.count) {
            let io = names[index % names.count]
            let s = names[(index + 1) % names.count]
            let place = places[index % places.count]
            let object = objects[index % objects.count]
            let text = template.filled(order: .baba, io: io.text, s: s.text, place: place.text, object: object.text)
            let filled = tokenized.filled(
                order: .baba, io: io.token, s: s.token, place: place.token, object: object.token
            )
            guard tokenizer.encode(text + " " + io.text) == filled.tokens + [io.token] else {
                throw IOIError(
                    fault + "the tokens of \"\(text)\" do not keep its words apart; "
                        + "expected a space or punctuation after each slot"
                )
            }
        }
    }

    /// The first `count` prompts of a dataset.
    ///
    /// - Throws: `IOIError` if `count` is out of range, or the counterfactual needs more names than there are.
    public func dataset(
        _ rule: DatasetRule,
        count: Int,
        seed: UInt64,
        split: Split = .training
    ) throws -> IOIDataset {
        try IOIError.check("count", count, in: 1...PromptSource.most)
        let prompts = try (0..<count).map { try prompt($0, of: rule, seed: seed, split: split) }
        return IOIDataset(
            name: rule.name, seed: seed, prompts: prompts, jsonLines: PromptWriter.jsonLines(prompts), names: nameTokens
        )
    }

    /// One prompt of a dataset. Template, order, ordered pair of names, place and object are independent and uniform.
    ///
    /// - Throws: `IOIError` if the counterfactual needs more names than there are.
    public func prompt(_ index: Int, of rule: DatasetRule, seed: UInt64, split: Split = .training) throws
        -> IOIPrompt
    {
        var generator = SeededGenerator(seed, "\(split.rawValue) prompts", index)
        let template = templates[generator.below(templates.count)]
        let order = NameOrder.allCases[generator.below(NameOrder.allCases.count)]
        let allowed = split == .training ? pairs.training : pairs.heldOut
        let pair = allowed[generator.below(allowed.count)]
        let firstIsIO = generator.below(2) == 0
        let io = names[firstIsIO ? pair.first : pair.second]
        let s = names[firstIsIO ? pair.second : pair.first]
        let place = places[generator.below(places.count)]
        let object = objects[generator.below(objects.count)]

        var thirdGenerator = SeededGenerator(seed, "\(split.rawValue) third names", index)
        let others = names.indices.filter { $0 != pair.first && $0 != pair.second }
        let third = names[others[thirdGenerator.below(others.count)]]
        func word(_ person: DatasetRule.Person) -> Word {
            switch person {
            case .io: io
            case .s: s
            case .third: third
            }
        }

        var (tokens, positions) = template.filled(
            order: order, io: io.token, s: s.token, place: place.token, object: object.token
        )
        tokens[positions.s2] = word(rule.atS2).token
        tokens = beginning + tokens
        positions = positions.moved(by: beginning.count)
        var abcGenerator = SeededGenerator(seed, "\(split.rawValue) \(counterfactual.rawValue)", index)
        let abcTokens = try counterfactual.tokens(
            from: tokens, positions: positions, names: nameTokens, using: &abcGenerator
        )
        let answer = word(rule.label)
        return IOIPrompt(
            id: index, dataset: rule.name, template: template.name, order: order, text: text(tokens), tokens: tokens,
            answer: " " + answer.text, answerToken: answer.token, io: " " + io.text, ioToken: io.token, s: " " + s.text,
            sToken: s.token, place: place.text, object: object.text, positions: positions, abcText: text(abcTokens),
            abcTokens: abcTokens
        )
    }

    private func text(_ tokens: [Int]) -> String {
        tokenizer.decode(Array(tokens.dropFirst(beginning.count)))
    }
}
