import Foundation

/// Gendered pronouns: "The queen dropped the letter because" continues with " she".
///
/// Subject, gender, object and sentence are independent and uniform. In the counterfactual the subject has the other
/// gender, by another noun if only this has as many tokens.
struct PronounSource: ChoiceSource {
    private struct Contents: Decodable {
        /// Of a man and of a woman.
        let nouns: [[String]]
        let objects: [String]
        let sentences: [ChoiceSentence]
        /// Of a man and of a woman, without the leading space.
        let pronouns: [[String]]
    }

    private let sentences: [ChoiceSentence]
    private let nouns: NounPairs
    private let objects: [String]
    /// Tokens of the masculine forms, then of the feminine forms.
    private let pronouns: [[Int]]

    /// - Throws: `IOIError` if the file is invalid, or there are no pronouns that are single tokens.
    init(contentsOf file: URL, tokenizer: BPETokenizer) throws {
        let contents = try InputFile.decode(Contents.self, from: file)
        let kinds = "a masculine and a feminine form"
        nouns = try NounPairs(contents.nouns, kinds, file: file, tokenizer: tokenizer)
        try HeldOutTexts.check(contents.objects, field: "objects", source: file.path)
        objects = contents.objects
        try ChoiceSentence.check(contents.sentences, slots: ["SUBJECT", "OBJECT"], source: file.path)
        sentences = contents.sentences
        pronouns = try NounPairs.answers(
            contents.pronouns, field: "pronouns", kinds, file: file, tokenizer: tokenizer)
    }

    func draw(
        _ split: PromptGenerator.Split,
        using generator: inout SeededGenerator,
        counterfactuals: inout SeededGenerator
    ) -> ChoiceDraw {
        let sentence = sentences[generator.below(sentences.count)]
        let subject = nouns[split][generator.below(nouns[split].count)]
        let (gender, object) = (generator.below(2), generator.below(objects.count))
        let counterfactual = nouns.counterfactual(to: subject, form: gender, using: &counterfactuals)
        return ChoiceDraw(
            sentence: sentence, words: ["SUBJECT": subject.forms[gender], "OBJECT": objects[object]],
            counterfactual: counterfactual.map { ["SUBJECT": $0] },
            positions: ["SUBJECT": "SUBJECT", "OBJECT": "OBJECT"], group: ["masculine", "feminine"][gender],
            right: pronouns[gender], wrong: pronouns[1 - gender]
        )
    }
}
