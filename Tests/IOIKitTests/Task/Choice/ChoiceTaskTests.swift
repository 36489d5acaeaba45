import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ChoiceTaskTests {
    static func prompts(
        _ task: ChoiceTask,
        _ tokenizer: BPETokenizer,
        count: Int = 600,
        seed: UInt64 = 0,
        split: PromptGenerator.Split = .training
    ) throws -> [Prompt] {
        try task.dataset(count: count, seed: seed, split: split, tokenizer: tokenizer).prompts
    }

    @Test(arguments: ChoiceTask.allCases)
    func aPromptDependsOnSeedAndNumberOnly(_ task: ChoiceTask) throws {
        for tokenizer in try ChoiceFixture.tokenizers(for: task) {
            let many = try task.dataset(count: 60, seed: 3, tokenizer: tokenizer)
            let few = try task.dataset(count: 20, seed: 3, tokenizer: tokenizer)
            #expect(Array(many.prompts.prefix(20)) == few.prompts)
            #expect(many.jsonLines.starts(with: few.jsonLines))
            #expect(try task.dataset(count: 60, seed: 3, tokenizer: tokenizer).jsonLines == many.jsonLines)
            let others = try task.dataset(count: 20, seed: 4, tokenizer: tokenizer).prompts
            #expect(zip(few.prompts, others).count { $0.text == $1.text } < 5)
        }
    }

    @Test(arguments: ChoiceTask.allCases)
    func promptsAreWhatTheTaskSays(_ task: ChoiceTask) throws {
        for tokenizer in try ChoiceFixture.tokenizers(for: task) {
            try Self.checkTokens(task, tokenizer)
            switch task {
            case .agreement: try Self.checkVerbs(tokenizer)
            case .greaterThan: try Self.checkYears(tokenizer)
            }
        }
    }

    /// Tokens are those of the text, and the label follows.
    static func checkTokens(_ task: ChoiceTask, _ tokenizer: BPETokenizer) throws {
        for split in PromptGenerator.Split.allCases {
            for prompt in try Self.prompts(task, tokenizer, count: 300, split: split) {
                #expect(tokenizer.encode(prompt.text) == prompt.tokens)
                #expect(tokenizer.token(for: prompt.answer) == prompt.answerToken)
                #expect(prompt.rightTokens.contains(prompt.answerToken))
                #expect(Set(prompt.rightTokens).isDisjoint(with: prompt.wrongTokens))
                #expect(!prompt.wrongTokens.isEmpty && !prompt.text.contains("["))
            }
        }
        let begun = try task.dataset(count: 3, seed: 0, tokenizer: tokenizer, beginningOfText: true).prompts
        let plain = try Self.prompts(task, tokenizer, count: 3)
        let endOfText = try #require(tokenizer.endOfText)
        for (begun, plain) in zip(begun, plain) { #expect(begun.tokens == [endOfText] + plain.tokens) }
    }

    /// Right verbs have the subject's number.
    static func checkVerbs(_ tokenizer: BPETokenizer) throws {
        let data = try ChoiceFixture.shared.get().agreement
        let numbers = Dictionary(uniqueKeysWithValues: data.nouns.flatMap { [($0[0], 0), ($0[1], 1)] })
        let verbs = data.verbs.filter { $0.allSatisfy { tokenizer.token(for: " \($0)") != nil } }
        #expect(!verbs.isEmpty)
        let prompts = try Self.prompts(.agreement, tokenizer)
        for prompt in prompts {
            let (subject, other) = try (#require(prompt.words["SUBJECT"]), #require(prompt.words["OTHER"]))
            let (number, otherNumber) = try (#require(numbers[subject]), #require(numbers[other]))
            #expect(prompt.rightTokens.map { tokenizer.decode([$0]) } == verbs.map { " \($0[number])" })
            #expect(prompt.wrongTokens.map { tokenizer.decode([$0]) } == verbs.map { " \($0[1 - number])" })
            let names = ["singular", "plural"]
            #expect(prompt.group == "\(names[number])-\(names[otherNumber])")
            let (first, second) = try (
                #require(prompt.text.range(of: " \(subject)")),
                #require(prompt.text.range(of: " \(other)", options: .backwards))
            )
            #expect(first.upperBound < second.lowerBound && second.upperBound == prompt.text.endIndex)
            #expect(data.nouns.first { $0.contains(subject) } != data.nouns.first { $0.contains(other) })
        }
        // A quarter each, give or take five standard deviations.
        let groups = Dictionary(grouping: prompts, by: \.group).mapValues(\.count)
        #expect(groups.count == 4 && groups.values.allSatisfy { abs($0 - 150) < 54 }, "\(groups)")
        #expect(Set(prompts.map(\.template)).count == data.sentences.count)
        #expect(Set(prompts.map(\.answer)).count == 2 * verbs.count)
    }

    /// Right years are later.
    static func checkYears(_ tokenizer: BPETokenizer) throws {
        let data = try ChoiceFixture.shared.get().greaterThan
        let prompts = try Self.prompts(.greaterThan, tokenizer, count: 2000)
        var shares: [Double] = []
        for prompt in prompts {
            let (year, century) = try (#require(prompt.words["YEAR"]), #require(prompt.words["CENTURY"]))
            let last = try #require(Int(year.suffix(2)))
            #expect(year == century + year.suffix(2) && data.centuries.contains(century) && (2...98).contains(last))
            func years(_ tokens: [Int]) -> [String] { tokens.map { tokenizer.decode([$0]) } }
            #expect(years(prompt.rightTokens) == ((last + 1)..<100).map { String(format: "%02d", $0) })
            #expect(years(prompt.wrongTokens) == (0...last).map { String(format: "%02d", $0) })
            #expect(prompt.text.hasSuffix(" \(century)") && prompt.text.contains(" \(year)"))
            #expect(prompt.group == "\(last / 10)0s")
            let tokens = [tokenizer.token(for: " \(century)"), tokenizer.token(for: "\(year.suffix(2))")]
            #expect(zip(prompt.tokens, prompt.tokens.dropFirst()).contains { [$0, $1] == tokens })
            let answer = try #require(Int(prompt.answer))
            #expect(answer > last)
            if last < 98 { shares.append(Double(answer - last - 1) / Double(98 - last)) }
        }
        // The label is uniform over the right years: mean 1/2, standard deviation of a share below 0.5.
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect(abs(mean - 0.5) < 5 * 0.5 / Double(shares.count).squareRoot(), "\(mean)")
        #expect(Set(prompts.compactMap { $0.words["CENTURY"] }).count == data.centuries.count)
        #expect(Set(prompts.compactMap { $0.words["YEAR"]?.suffix(2) }).count > 90)
    }

    @Test(arguments: ChoiceTask.allCases)
    func splitsShareNothing(_ task: ChoiceTask) throws {
        let data = try ChoiceFixture.shared.get().agreement
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        func items(_ split: PromptGenerator.Split, seed: UInt64) throws -> Set<[String]> {
            Set(
                try Self.prompts(task, tokenizer, count: 1500, seed: seed, split: split).flatMap { prompt in
                    switch task {
                    case .agreement: prompt.words.values.map { word in data.nouns.first { $0.contains(word) }! }
                    case .greaterThan: [[prompt.words["NOUN"]!, String(prompt.words["YEAR"]!.suffix(2))]]
                    }
                })
        }
        let training = try items(.training, seed: 0).union(items(.training, seed: 1))
        let heldOut = try items(.heldOut, seed: 0).union(items(.heldOut, seed: 1))
        #expect(training.isDisjoint(with: heldOut))
        #expect(heldOut.count >= 12 && training.count > heldOut.count)
    }

    @Test func whatATokenizerCannotWriteIsSaidInALine() throws {
        let embedded = try BPETokenizer(directory: DataDirectory.file("embedded"))
        let years = #expect(throws: IOIError.self) { try Self.prompts(.greaterThan, embedded) }
        #expect(
            years?.description
                == "greater-than: found no token \"00\" in the model's tokenizer, expected one for each two-digit year, as "
                + "GPT-2's has"
        )
        let bytes = try BPETokenizer.covering(texts: [])
        expectError(containing: "agreement.json: verbs: found is/are, was/were, has/have, expected a pair") {
            try Self.prompts(.agreement, bytes)
        }
        // Years of one token each, so that there is nothing to take apart.
        let whole = try BPETokenizer.covering(
            texts: (0..<100).map { String(format: "%02d", $0) }
                + (11...17).flatMap { century in
                    [" \(century)"] + (0..<100).map { String(format: " \(century)%02d", $0) }
                })
        expectError(containing: "greater-than.json: centuries: found 11, 12", "splits") {
            try Self.prompts(.greaterThan, whole)
        }
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        expectError(containing: "expected at most the model's context of 4") {
            try ChoiceTask.agreement.dataset(count: 1, seed: 0, tokenizer: tokenizer, contextLength: 4)
        }
        expectError(containing: "count: found 0") { try Self.prompts(.agreement, tokenizer, count: 0) }
    }

    struct Fault: Sendable {
        let task: ChoiceTask
        let from, to, message: String
    }

    static let files: [ChoiceTask: String] = [
        .agreement: """
        {"nouns": [["key", "keys"], ["box", "boxes"], ["cup", "cups"], ["fly", "flies"]],
         "sentences": [{"name": "to", "text": "The [SUBJECT] to the [OTHER]"}], "verbs": [["is", "are"]]}
        """,
        .greaterThan: """
        {"nouns": ["war", "feud"], "centuries": ["16", "17"],
         "sentences": [{"name": "from", "text": "The [NOUN] from [YEAR] to [CENTURY]"}]}
        """,
    ]

    static let faults = [
        Fault(
            task: .agreement, from: "\"keys\"", to: "\"key\"", message: "nouns[0]: found [\"key\", \"key\"], expected"),
        Fault(task: .agreement, from: "\"cups\"", to: "\"keys\"", message: "nouns: found \"keys\" twice"),
        Fault(task: .agreement, from: "[\"key\", \"keys\"], ", to: "", message: "nouns: found 3, expected 4 or more"),
        Fault(task: .agreement, from: "\"are\"]", to: "\"are\", \"be\"]", message: "verbs[0]: found "),
        Fault(
            task: .agreement, from: "[SUBJECT]", to: "key",
            message: "sentence \"to\": found slots [OTHER], expected [SUBJECT] [OTHER]"
        ),
        Fault(task: .agreement, from: "[OTHER]\"", to: "[OTHER] \"", message: "sentence \"to\": found whitespace"),
        Fault(task: .agreement, from: "to the [OTHER]", to: "to [OTHER]s", message: "no letter or digit after it"),
        Fault(task: .agreement, from: "\"text\"", to: "\"txt\"", message: "sentences[0].text: found nothing"),
        Fault(task: .greaterThan, from: "\"feud\"", to: "\"war\"", message: "nouns: found \"war\" twice"),
        Fault(
            task: .greaterThan, from: "\"16\"", to: "\"xv\"", message: "centuries: found \"xv\", expected one or two"),
        Fault(task: .greaterThan, from: "[CENTURY]", to: "[CENTURY] at last", message: "expected [CENTURY] at the end"),
        Fault(task: .greaterThan, from: "\"war\", \"feud\"", to: "", message: "nouns: found an empty list"),
    ]

    @Test(arguments: faults.indices)
    func whatIsWrongInAFileIsNamed(_ index: Int) throws {
        let fault = Self.faults[index]
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        let sound = try #require(Self.files[fault.task])
        try withFile(sound) { file in
            let dataset = try fault.task.dataset(count: 2, seed: 0, tokenizer: tokenizer, file: file)
            #expect(dataset.count == 2)
        }
        let text = sound.replacing(fault.from, with: fault.to)
        #expect(text != sound)
        try withFile(text, named: "own.json") { file in
            expectError(containing: "own.json: ", fault.message) {
                try fault.task.dataset(count: 2, seed: 0, tokenizer: tokenizer, file: file)
            }
        }
    }
}

/// The same under GPT-2's tokenizer, where ``Fixtures/gpt2Tokenizer`` finds it.
@Suite(
    .enabled(
        if: Fixtures.gpt2Tokenizer != nil,
        "there is no folder with GPT-2's vocab.json and merges.txt (IOI_GPT2_TOKENIZER)"
    )
)
struct GPT2ChoiceTaskTests {
    @Test func promptsAreWhatTheTaskSays() throws {
        let folder = try #require(Fixtures.gpt2Tokenizer)
        let tokenizer = try BPETokenizer(directory: folder)
        for task in ChoiceTask.allCases { try ChoiceTaskTests.checkTokens(task, tokenizer) }
        try ChoiceTaskTests.checkVerbs(tokenizer)
        try ChoiceTaskTests.checkYears(tokenizer)
        // All verbs count: " is", " was", " has" and " are", " were", " have".
        let verbs = try ChoiceTaskTests.prompts(.agreement, tokenizer, count: 20)
        #expect(verbs.allSatisfy { [[318, 373, 468], [389, 547, 423]].contains($0.rightTokens) })
        // A noun of the data may be several tokens, but years are two and prompts are short.
        let years = try ChoiceTaskTests.prompts(.greaterThan, tokenizer)
        #expect((verbs + years).allSatisfy { $0.tokens.count < 32 })
    }
}
