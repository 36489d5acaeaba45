import Foundation

/// Greater-Than (Hanna et al. 2305.00586, section 2): "The siege began in the year 1732 and ended in the year 17"
/// continues with a two-digit year above 32.
///
/// Years are those that the tokenizer splits into a century and a two-digit year from 02 to 98, so that there are right
/// and wrong answers. The pair of noun and two-digit year is uniform, then the century and the sentence. A tenth of the
/// pairs is held out. The counterfactual begins in the year 01 of the century, after which nearly every year is right.
struct GreaterThanSource: ChoiceSource {
    private struct Contents: Decodable {
        let nouns: [String]
        let centuries: [String]
        let sentences: [ChoiceSentence]
    }

    private struct Pair {
        let noun: String
        let year: Int
    }

    private let sentences: [ChoiceSentence]
    /// The token of each two-digit year, from 00.
    private let tokens: [Int]
    /// By two-digit year.
    private let centuries: [[String]]
    private let training, heldOut: [Pair]

    /// - Throws: `IOIError` if the file is invalid, or two-digit years are not single tokens.
    init(contentsOf file: URL, tokenizer: BPETokenizer) throws {
        let contents = try InputFile.decode(Contents.self, from: file)
        for (field, entries) in [("nouns", contents.nouns), ("centuries", contents.centuries)] {
            try HeldOutTexts.check(entries, field: field, source: file.path)
        }
        if let other = contents.centuries.first(where: { $0.wholeMatch(of: /[0-9]{1,2}/) == nil }) {
            throw IOIError("\(file.path): centuries: found \(other.quoted), expected one or two digits, such as \"17\"")
        }
        try ChoiceSentence.check(contents.sentences, slots: ["NOUN", "YEAR", "CENTURY"], source: file.path)
        for sentence in contents.sentences where !sentence.text.hasSuffix("[CENTURY]") {
            throw IOIError(
                "\(file.path): sentence \(sentence.name.quoted): found \(sentence.text.quoted), expected [CENTURY] at the end"
            )
        }
        sentences = contents.sentences
        let tokens = try (0..<100).map { year in
            guard let token = tokenizer.token(for: Self.digits(year)) else {
                throw IOIError(
                    "greater-than: found no token \(Self.digits(year).quoted) in the model's tokenizer, expected one for each "
                        + "two-digit year, as GPT-2's has"
                )
            }
            return token
        }
        let firsts = contents.centuries.map { (text: $0, token: tokenizer.token(for: " " + $0)) }
        let centuries = (0..<100).map { year in
            firsts.filter { century in
                guard let token = century.token else { return false }
                return tokenizer.encode(" \(century.text)\(Self.digits(year))") == [token, tokens[year]]
            }.map(\.text)
        }
        let pairs = contents.nouns.flatMap { noun in (2...98).map { Pair(noun: noun, year: $0) } }
        func text(_ pair: Pair) -> String { "\(pair.noun), \(Self.digits(pair.year))" }
        let heldOut = HeldOutTexts.choose(pairs.map(text), "noun and year", oneOf: 10)
        let usable = pairs.filter { !centuries[$0.year].isEmpty }
        self.heldOut = usable.filter { heldOut.contains(text($0)) }
        training = usable.filter { !heldOut.contains(text($0)) }
        (self.tokens, self.centuries) = (tokens, centuries)
        guard !training.isEmpty, !self.heldOut.isEmpty else {
            throw IOIError(
                "\(file.path): centuries: found \(contents.centuries.joined(separator: ", ")), expected some that the model's "
                    + "tokenizer splits from two-digit years, as in \" 17\" and \"32\""
            )
        }
    }

    func draw(
        _ split: PromptGenerator.Split,
        using generator: inout SeededGenerator,
        counterfactuals: inout SeededGenerator
    ) -> ChoiceDraw {
        let pairs = split == .training ? training : heldOut
        let pair = pairs[generator.below(pairs.count)]
        let century = centuries[pair.year][generator.below(centuries[pair.year].count)]
        // The first year that the tokenizer splits as well: for GPT-2's always 01.
        let early = (1..<pair.year).first { centuries[$0].contains(century) }
        return ChoiceDraw(
            sentence: sentences[generator.below(sentences.count)],
            words: ["NOUN": pair.noun, "YEAR": century + Self.digits(pair.year), "CENTURY": century],
            counterfactual: early.map { ["YEAR": century + Self.digits($0)] },
            positions: ["NOUN": "NOUN", "YEAR": "YEAR"],
            group: "\(pair.year / 10)0s", right: Array(tokens[(pair.year + 1)...]), wrong: Array(tokens[...pair.year])
        )
    }

    private static func digits(_ year: Int) -> String { year < 10 ? "0\(year)" : "\(year)" }
}
