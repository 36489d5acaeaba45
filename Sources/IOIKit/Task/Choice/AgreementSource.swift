import Foundation

/// Subject–verb agreement: "The lanterns near the wagon" continues with " are", " were" or " have".
///
/// Subject, other noun, their numbers and the sentence are independent and uniform. A fifth of the nouns is held out in
/// both roles.
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
    private let training, heldOut: [[String]]
    /// Tokens of the singular forms, then of the plural forms.
    private let verbs: [[Int]]

    /// - Throws: `IOIError` if the file is invalid, or there is no verb whose two forms are single tokens.
    init(contentsOf file: URL, tokenizer: BPETokenizer) throws {
        let contents = try InputFile.decode(Contents.self, from: file)
        for (field, entries) in [("nouns", contents.nouns), ("verbs", contents.verbs)] {
            for (index, entry) in entries.enumerated() {
                guard entry.count == 2, entry[0] != entry[1], !entry.contains("") else {
                    throw IOIError(
                        "\(file.path): \(field)[\(index)]: found \(entry), expected a singular and its plural")
                }
            }
            if let twice = entries.flatMap({ $0 }).firstRepeated() {
                throw IOIError("\(file.path): \(field): found \(twice.quoted) twice, expected each form once")
            }
        }
        guard contents.nouns.count >= 4 else {
            throw IOIError(
                "\(file.path): nouns: found \(contents.nouns.count), expected 4 or more, two of them held out")
        }
        try ChoiceSentence.check(contents.sentences, slots: ["SUBJECT", "OTHER"], source: file.path)
        sentences = contents.sentences
        let heldOut = HeldOutTexts.choose(contents.nouns.map { $0[0] }, "noun", oneOf: 5, least: 2)
        self.heldOut = contents.nouns.filter { heldOut.contains($0[0]) }
        training = contents.nouns.filter { !heldOut.contains($0[0]) }
        let pairs = contents.verbs.map { $0.compactMap { tokenizer.token(for: " " + $0) } }.filter { $0.count == 2 }
        guard !pairs.isEmpty else {
            let verbs = contents.verbs.map { $0.joined(separator: "/") }.joined(separator: ", ")
            throw IOIError(
                "\(file.path): verbs: found \(verbs), expected a pair of which both forms are one token with a leading "
                    + "space, by the model's tokenizer"
            )
        }
        verbs = [pairs.map { $0[0] }, pairs.map { $0[1] }]
    }

    func draw(_ split: PromptGenerator.Split, using generator: inout SeededGenerator) -> ChoiceDraw {
        let nouns = split == .training ? training : heldOut
        let sentence = sentences[generator.below(sentences.count)]
        let subject = generator.below(nouns.count)
        let others = nouns.indices.filter { $0 != subject }
        let other = others[generator.below(others.count)]
        let (number, otherNumber) = (generator.below(2), generator.below(2))
        return ChoiceDraw(
            sentence: sentence, words: ["SUBJECT": nouns[subject][number], "OTHER": nouns[other][otherNumber]],
            group: "\(Self.numbers[number])-\(Self.numbers[otherNumber])", right: verbs[number],
            wrong: verbs[1 - number]
        )
    }
}
