import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program's own data with a tokenizer made for it.
struct TaskFixture {
    let templates: TemplateSet
    let names: NameList
    let tokenizer: BPETokenizer

    /// Made once, since debug builds take their time over it.
    static let shared = Result { try TaskFixture() }

    private init() throws {
        templates = try .standard()
        names = try .standard()
        let words = names.names + templates.places + templates.objects
        tokenizer = try .covering(texts: templates.templates.map(\.text) + words.map { " " + $0 })
    }

    func generator(
        beginningOfText: Bool = false,
        counterfactual: Counterfactual = .distinct
    ) throws -> PromptGenerator {
        try PromptGenerator(
            templates: templates,
            names: names,
            tokenizer: tokenizer,
            beginningOfText: beginningOfText,
            counterfactual: counterfactual
        )
    }

    func token(_ word: String) throws -> Int {
        try #require(tokenizer.token(for: word))
    }

    static let clean = DatasetRule.all[0]
    static let nameMoving = DatasetRule.all[1]
    static let subjectDuplication = DatasetRule.all[2]
    static let duplication = DatasetRule.all[3]
}
