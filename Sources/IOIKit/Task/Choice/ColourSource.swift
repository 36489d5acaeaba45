import Foundation

/// Copying from a list: "On the shelf were a green lamp, a red cup and a blue box. The cup was" continues with " red".
///
/// Colours and objects are those that are single tokens. Three of each, which of them is asked for and the sentence are
/// independent and uniform. The counterfactual asks for another of the three. A fifth of the objects is held out.
struct ColourSource: ChoiceSource {
    private struct Contents: Decodable {
        let colours, objects: [String]
        let sentences: [ChoiceSentence]
    }

    private static let places = ["first", "second", "third"]
    private static let slots = (1...places.count).flatMap { ["COLOUR\($0)", "OBJECT\($0)"] } + ["ASKED"]

    private let sentences: [ChoiceSentence]
    private let colours, training, heldOut: [Word]

    /// - Throws: `IOIError` if the file is invalid, or too few of its words are single tokens.
    init(contentsOf file: URL, tokenizer: BPETokenizer) throws {
        let contents = try InputFile.decode(Contents.self, from: file)
        for (field, words) in [("colours", contents.colours), ("objects", contents.objects)] {
            try HeldOutTexts.check(words, field: field, source: file.path)
        }
        try ChoiceSentence.check(contents.sentences, slots: Self.slots, source: file.path)
        sentences = contents.sentences
        func words(_ texts: [String]) -> [Word] {
            texts.compactMap { text in tokenizer.token(for: " " + text).map { Word(text: text, token: $0) } }
        }
        let heldOutTexts = HeldOutTexts.choose(contents.objects, "object", oneOf: 5, least: Self.places.count)
        colours = words(contents.colours)
        let objects = words(contents.objects)
        heldOut = objects.filter { heldOutTexts.contains($0.text) }
        training = objects.filter { !heldOutTexts.contains($0.text) }
        for (field, words) in [
            ("colours", colours), ("objects", training), ("objects held out from training", heldOut),
        ] where words.count < Self.places.count {
            throw IOIError(
                "\(file.path): \(field): found \(words.count) of one token with a leading space, by the model's tokenizer, "
                    + "expected \(Self.places.count) or more"
            )
        }
    }

    func draw(
        _ split: PromptGenerator.Split,
        using generator: inout SeededGenerator,
        counterfactuals: inout SeededGenerator
    ) -> ChoiceDraw {
        func some(_ words: [Word]) -> [Word] {
            var words = words
            generator.shuffle(&words)
            return Array(words.prefix(Self.places.count))
        }
        let sentence = sentences[generator.below(sentences.count)]
        let (objects, colours) = (some(split == .training ? training : heldOut), some(colours))
        let asked = generator.below(Self.places.count)
        let others = objects.indices.filter { $0 != asked }
        var words = ["ASKED": objects[asked].text]
        for index in objects.indices {
            words["COLOUR\(index + 1)"] = colours[index].text
            words["OBJECT\(index + 1)"] = objects[index].text
        }
        // Positions by their part in the prompt, so that no two names are of one token.
        var positions = ["ANSWER": "COLOUR\(asked + 1)", "OBJECT": "OBJECT\(asked + 1)", "ASKED": "ASKED"]
        for (number, index) in others.enumerated() { positions["OTHER\(number + 1)"] = "COLOUR\(index + 1)" }
        return ChoiceDraw(
            sentence: sentence, words: words,
            counterfactual: ["ASKED": objects[others[counterfactuals.below(others.count)]].text],
            positions: positions, group: Self.places[asked], right: [colours[asked].token],
            wrong: others.map { colours[$0].token }
        )
    }
}
