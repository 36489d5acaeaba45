import Foundation

/// Nouns in two forms, such as singular and plural. A fifth of the nouns is held out from training.
struct NounPairs {
    struct Noun {
        let forms: [String]
        /// The number of tokens of each form, with its leading space.
        let lengths: [Int]
    }

    private let all, training, heldOut: [Noun]

    /// - Parameters:
    ///   - entries: two forms each.
    ///   - kinds: what the forms are, for error messages.
    ///   - file: the file, for error messages.
    ///   - tokenizer: the tokenizer of the prompts.
    /// - Throws: `IOIError` if an entry is invalid or there are fewer than four.
    init(_ entries: [[String]], _ kinds: String, file: URL, tokenizer: BPETokenizer) throws {
        try Self.check(entries, field: "nouns", kinds, file: file)
        guard entries.count >= 4 else {
            throw IOIError("\(file.path): nouns: found \(entries.count), expected 4 or more, two of them held out")
        }
        all = entries.map { forms in Noun(forms: forms, lengths: forms.map { tokenizer.encode(" " + $0).count }) }
        let names = HeldOutTexts.choose(entries.map { $0[0] }, "noun", oneOf: 5, least: 2)
        heldOut = all.filter { names.contains($0.forms[0]) }
        training = all.filter { !names.contains($0.forms[0]) }
    }

    subscript(split: PromptGenerator.Split) -> [Noun] { split == .training ? training : heldOut }

    /// The noun in a counterfactual: the same in its other form if that has as many tokens, else another
    /// one, of either split, whose other form has; nil if there is none.
    ///
    /// - Parameters:
    ///   - noun: the noun in the prompt.
    ///   - form: its form there.
    ///   - other: another noun of the prompt.
    ///   - generator: draws the other noun.
    func counterfactual(
        to noun: Noun,
        form: Int,
        besides other: Noun? = nil,
        using generator: inout SeededGenerator
    ) -> String? {
        func fits(_ candidate: Noun) -> Bool { candidate.lengths[1 - form] == noun.lengths[form] }
        if fits(noun) { return noun.forms[1 - form] }
        let fitting = all.filter { fits($0) && $0.forms != other?.forms }
        return fitting.isEmpty ? nil : fitting[generator.below(fitting.count)].forms[1 - form]
    }

    /// The answers whose two forms are single tokens: the tokens of the first forms and those of the second.
    ///
    /// - Parameters:
    ///   - entries: two forms each, without the leading space.
    ///   - field: their key in the file.
    ///   - kinds: what the forms are, for error messages.
    ///   - file: the file, for error messages.
    ///   - tokenizer: the tokenizer of the prompts.
    /// - Throws: `IOIError` if an entry is invalid or none has two single tokens.
    static func answers(
        _ entries: [[String]],
        field: String,
        _ kinds: String,
        file: URL,
        tokenizer: BPETokenizer
    ) throws -> [[Int]] {
        try check(entries, field: field, kinds, file: file)
        let pairs = entries.map { $0.compactMap { tokenizer.token(for: " " + $0) } }.filter { $0.count == 2 }
        guard !pairs.isEmpty else {
            let answers = entries.map { $0.joined(separator: "/") }.joined(separator: ", ")
            throw IOIError(
                "\(file.path): \(field): found \(answers), expected a pair of which both forms are one token with a leading "
                    + "space, by the model's tokenizer"
            )
        }
        return [pairs.map { $0[0] }, pairs.map { $0[1] }]
    }

    private static func check(_ entries: [[String]], field: String, _ kinds: String, file: URL) throws {
        for (index, entry) in entries.enumerated() {
            guard entry.count == 2, entry[0] != entry[1], !entry.contains("") else {
                throw IOIError("\(file.path): \(field)[\(index)]: found \(entry), expected \(kinds)")
            }
        }
        if let twice = entries.flatMap({ $0 }).firstRepeated() {
            throw IOIError("\(file.path): \(field): found \(twice.quoted) twice, expected each form once")
        }
    }
}
