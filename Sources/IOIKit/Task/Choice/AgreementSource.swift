import Foundation

/// Subject–verb agreement: "The lanterns near the wagon" continues with " are", " were" or " have".
///
/// Subject, other noun, their numbers and the sentence are independent and uniform. In the counterfactual the subject has
/// its other number, or is another noun of that number if only this has as many tokens.
struct AgreementSource: ChoiceSource {
    private struct Contents: Decodable {
        /// Singular and plural.
        let nouns: [[String]]
        let sentences: [ChoiceSentence]
        /// Singular and plural, without the leading space.
        let verbs: [[String]]
    }

    private static let numbers = ["singular", "plural"]

    private let sentences: [ChoiceSentence]
    private let nouns: NounPairs
    /// Tokens of the singular forms, then of the plural forms.
    private let verbs: [[Int]]

    /// - Throws: `IOIError` if the file is invalid, or there is no verb whose two forms are single tokens.
    init(contentsOf file: URL, tokenizer: BPETokenizer) throws {
        let contents = try InputFile.decode(Contents.self, from: file)
        let kinds = "a singular and its plural"
        nouns = try NounPairs(contents.nouns, kinds, file: file, tokenizer: tokenizer)
        try ChoiceSentence.check(contents.sentences, slots: ["SUBJECT", "OTHER"], source: file.path)
        sentences = contents.sentences
        verbs = try NounPairs.answers(contents.verbs, field: "verbs", kinds, file: file, tokenizer: tokenizer)
    }

    func draw(
        _ split: PromptGenerator.Split,
        using generator: inout SeededGenerator,
        counterfactuals: inout SeededGenerator
    ) -> ChoiceDraw {
        let nouns = nouns[split]
        let sentence = sentences[generator.below(sentences.count)]
        let index = generator.below(nouns.count)
        let others = nouns.indices.filter { $0 != index }
        let (subject, other) = (nouns[index], nouns[others[generator.below(others.count)]])
        let (number, otherNumber) = (generator.below(2), generator.below(2))
        let counterfactual = self.nouns.counterfactual(
            to: subject, form: number, besides: other, using: &counterfactuals
        )
        return ChoiceDraw(
            sentence: sentence,
            words: ["SUBJECT": subject.forms[number], "OTHER": other.forms[otherNumber]],
            counterfactual: counterfactual.map { ["SUBJECT": $0] },
            positions: ["SUBJECT": "SUBJECT", "OTHER": "OTHER"],
            group: "\(Self.numbers[number])-\(Self.numbers[otherNumber])", right: verbs[number],
            wrong: verbs[1 - number]
        )
    }
}
