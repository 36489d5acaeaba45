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
            case .pronouns: try Self.checkPronouns(tokenizer)
            case .colours: try Self.checkColours(tokenizer)
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

    /// Right pronouns have the subject's gender.
    static func checkPronouns(_ tokenizer: BPETokenizer) throws {
        let data = try ChoiceFixture.shared.get().pronouns
        let genders = Dictionary(uniqueKeysWithValues: data.nouns.flatMap { [($0[0], 0), ($0[1], 1)] })
        let prompts = try Self.prompts(.pronouns, tokenizer)
        for prompt in prompts {
            let (subject, object) = try (#require(prompt.words["SUBJECT"]), #require(prompt.words["OBJECT"]))
            let gender = try #require(genders[subject])
            #expect(prompt.rightTokens.map { tokenizer.decode([$0]) } == [gender == 0 ? " he" : " she"])
            #expect(prompt.wrongTokens.map { tokenizer.decode([$0]) } == [gender == 0 ? " she" : " he"])
            #expect(prompt.group == ["masculine", "feminine"][gender])
            let first = try #require(prompt.text.range(of: " \(subject) "))
            let second = try #require(prompt.text.range(of: " \(object)"))
            #expect(first.upperBound <= second.lowerBound && data.objects.contains(object))
        }
        let groups = Dictionary(grouping: prompts, by: \.group).mapValues(\.count)
        #expect(groups.count == 2 && groups.values.allSatisfy { abs($0 - 300) < 62 }, "\(groups)")
        #expect(Set(prompts.map(\.template)).count == data.sentences.count)
        #expect(Set(prompts.compactMap { $0.words["OBJECT"] }).count == data.objects.count)
    }

    /// The right colour stands before the object that is asked for.
    static func checkColours(_ tokenizer: BPETokenizer) throws {
        let data = try ChoiceFixture.shared.get().colours
        let prompts = try Self.prompts(.colours, tokenizer)
        for prompt in prompts {
            let asked = try #require(prompt.words["ASKED"])
            let objects = (1...3).map { prompt.words["OBJECT\($0)"]! }
            let colours = (1...3).map { prompt.words["COLOUR\($0)"]! }
            #expect(Set(objects).count == 3 && Set(colours).count == 3)
            #expect(Set(objects).isSubset(of: data.objects) && Set(colours).isSubset(of: data.colours))
            let index = try #require(objects.firstIndex(of: asked))
            #expect(prompt.rightTokens.map { tokenizer.decode([$0]) } == [" \(colours[index])"])
            let others = colours.filter { $0 != colours[index] }
            #expect(prompt.wrongTokens.map { tokenizer.decode([$0]) } == others.map { " \($0)" })
            #expect(prompt.group == ["first", "second", "third"][index])
            for (colour, object) in zip(colours, objects) { #expect(prompt.text.contains(" a \(colour) \(object)")) }
            let question = try #require(prompt.text.range(of: " the \(asked)", options: .caseInsensitive))
            #expect(!prompt.text[question.upperBound...].contains(colours[0]))
        }
        let groups = Dictionary(grouping: prompts, by: \.group).mapValues(\.count)
        #expect(groups.count == 3 && groups.values.allSatisfy { abs($0 - 200) < 58 }, "\(groups)")
        #expect(Set(prompts.map(\.template)).count == data.sentences.count)
        #expect(Set(prompts.map(\.answer)).count == data.colours.count)
    }

    @Test(arguments: ChoiceTask.allCases)
    func counterfactualsDifferInOneWordAndInTheirAnswers(_ task: ChoiceTask) throws {
        for tokenizer in try ChoiceFixture.tokenizers(for: task) {
            for split in PromptGenerator.Split.allCases { try Self.checkCounterfactuals(task, tokenizer, split) }
        }
    }

    /// The word, or for a year its last two digits, that is another in the counterfactual.
    static func changing(_ task: ChoiceTask) -> (slot: String, position: PositionName) {
        switch task {
        case .agreement, .pronouns: ("SUBJECT", PositionName("SUBJECT")!)
        case .greaterThan: ("YEAR", PositionName("YEAR")!)
        case .colours: ("ASKED", PositionName("ASKED")!)
        }
    }

    static func checkCounterfactuals(
        _ task: ChoiceTask,
        _ tokenizer: BPETokenizer,
        _ split: PromptGenerator.Split
    ) throws {
        let fixture = try ChoiceFixture.shared.get()
        let (slot, position) = Self.changing(task)
        for prompt in try Self.prompts(task, tokenizer, count: 300, split: split) {
            guard let text = prompt.counterfactualText, let tokens = prompt.counterfactualTokens else {
                // Only of a noun of which no other has as many tokens.
                try checkThatNoNounFits(prompt, fixture.agreement.nouns, tokenizer)
                continue
            }
            #expect(tokenizer.encode(text) == tokens && tokens.count == prompt.tokens.count)
            // The tokens of the word end at its position.
            let (word, end) = try (#require(prompt.words[slot]), #require(prompt.positions[position]))
            let length = task == .greaterThan ? 1 : tokenizer.encode(" \(word)").count
            let place = (end - length + 1)...end
            let differing = tokens.indices.filter { tokens[$0] != prompt.tokens[$0] }
            #expect(!differing.isEmpty && differing.allSatisfy(place.contains), "\(prompt.text) \(text)")
            let other = tokenizer.decode(Array(tokens[place]))
            switch task {
            case .agreement, .pronouns:
                let nouns = task == .agreement ? fixture.agreement.nouns : fixture.pronouns.nouns
                let pair = try #require(nouns.first { $0.contains(word) })
                let form = try #require(pair.firstIndex(of: word))
                let found = try #require(nouns.first { " \($0[1 - form])" == other }, "\(word), \(other)")
                let ownLength = tokenizer.encode(" \(pair[1 - form])").count
                #expect((found == pair) == (ownLength == length), "\(word), \(other)")
                #expect(task == .pronouns || !found.contains(prompt.words["OTHER"]!))
            case .greaterThan:
                #expect(other == "01" && tokenizer.decode([prompt.tokens[end]]) == word.suffix(2))
            case .colours:
                let listed = (1...3).filter { " \(prompt.words["OBJECT\($0)"]!)" == other }
                #expect(
                    listed.count == 1
                        && !prompt.rightTokens.contains {
                            tokenizer.decode([$0]) == " \(prompt.words["COLOUR\(listed[0])"]!)"
                        })
            }
        }
    }

    static func checkThatNoNounFits(_ prompt: Prompt, _ nouns: [[String]], _ tokenizer: BPETokenizer) throws {
        func length(_ word: String) -> Int { tokenizer.encode(" \(word)").count }
        let (subject, other) = try (#require(prompt.words["SUBJECT"]), #require(prompt.words["OTHER"]))
        let form = try #require(nouns.compactMap { $0.firstIndex(of: subject) }.first)
        let fitting = nouns.filter { length($0[1 - form]) == length(subject) && !$0.contains(other) }
        #expect(fitting.isEmpty && prompt.counterfactualText == nil, "\(prompt.text)")
    }

    @Test(arguments: ChoiceTask.allCases)
    func positionsAreOfTheirWords(_ task: ChoiceTask) throws {
        for tokenizer in try ChoiceFixture.tokenizers(for: task) { try Self.checkPositions(task, tokenizer) }
    }

    /// With and without a token before the text.
    static func checkPositions(_ task: ChoiceTask, _ tokenizer: BPETokenizer) throws {
        let plain = try task.dataset(count: 200, seed: 5, tokenizer: tokenizer)
        let begun = try task.dataset(count: 200, seed: 5, tokenizer: tokenizer, beginningOfText: true)
        for prompt in plain.prompts + begun.prompts {
            /// The text up to a position, and what follows.
            func parts(_ name: String) throws -> (String, String) {
                let index = try #require(PositionName(name).flatMap { prompt.positions[$0] })
                let start = prompt.tokens.count - tokenizer.encode(prompt.text).count
                return (
                    tokenizer.decode(Array(prompt.tokens[start...index])),
                    tokenizer.decode(Array(prompt.tokens[(index + 1)...]))
                )
            }
            func check(_ name: String, endsWith word: String, before rest: String? = nil) throws {
                let (text, after) = try parts(name)
                #expect(text.hasSuffix(" \(word)") && rest.map(after.hasPrefix) ?? true, "\(name): \(text)|\(after)")
            }
            let words = prompt.words
            switch task {
            case .agreement:
                try check("SUBJECT", endsWith: words["SUBJECT"]!)
                #expect(try parts("SUBJECT").1.hasSuffix(words["OTHER"]!))
                try check("OTHER", endsWith: words["OTHER"]!)
                #expect(try parts("OTHER").1.isEmpty)
            case .greaterThan:
                try check("NOUN", endsWith: words["NOUN"]!)
                try check("YEAR", endsWith: words["YEAR"]!)
            case .pronouns:
                try check("SUBJECT", endsWith: words["SUBJECT"]!)
                try check("OBJECT", endsWith: words["OBJECT"]!)
            case .colours:
                let (answer, asked) = (tokenizer.decode(prompt.rightTokens).dropFirst(), words["ASKED"]!)
                try check("ANSWER", endsWith: String(answer), before: " \(asked)")
                try check("OBJECT", endsWith: "\(answer) \(asked)")
                for (number, token) in prompt.wrongTokens.enumerated() {
                    let name = "OTHER\(number + 1)"
                    #expect(prompt.tokens[prompt.positions[PositionName(name)!]!] == token)
                }
                try check("ASKED", endsWith: asked)
                #expect(try !parts("ASKED").1.contains(asked))
            }
            #expect(prompt.positions[.end] == prompt.tokens.count - 1)
        }
        let names = Set(plain.prompts.map { Set($0.positions.names) })
        #expect(names.count == 1)
    }

    /// Recorded before there were counterfactuals. Which centuries there are is for the tokenizer to say.
    @Test func promptsAreStillThoseOfTheirSeeds() throws {
        let recorded: [ChoiceTask: [PromptGenerator.Split: [String]]] = [
            .agreement: [
                .training: [
                    "The hammer from the story about the bench has", "After the storm, the crab by the ferries has",
                    "According to the letter, the chair across from the frog has",
                ],
                .heldOut: [
                    "Everyone knows that the sledge beyond the nurse was",
                    "After the storm, the camel by the nephews was", "The lanterns next to the nurse have",
                ],
            ],
            .greaterThan: [
                .training: [
                    "Historians date the boycott from the year CC28 to the year CC39",
                    "Letters about the survey were written between CC17 and CC67",
                    "The expedition that started in CC74 was over by CC78",
                ],
                .heldOut: [
                    "The excavation began in the year CC68 and ended in the year CC87",
                    "The restoration began in the year CC79 and ended in the year CC99",
                    "Letters about the restoration were written between CC73 and CC97",
                ],
            ],
        ]
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        for (task, splits) in recorded {
            for (split, lines) in splits {
                let found = try task.dataset(count: 3, seed: 3, split: split, tokenizer: tokenizer).lines.map {
                    $0.replacing(/1[1-7](?=[0-9]{2})/, with: "CC")
                }
                #expect(found == lines)
            }
        }
    }

    @Test func reversedLabelsAreWrongAndAllElseIsTheSame() throws {
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        var source = PromptSource(count: 2000)
        source.seed = 6
        let config = try ChoiceDatasetTests.config(tokenizer)
        func data(_ name: String) throws -> TaskDataset {
            source.dataset = name
            try source.validate()
            #expect(source.task == .greaterThan)
            return try source.data(tokenizer: tokenizer, config: config)
        }
        let (plain, reversed) = try (data("greater-than"), data("greater-than-reversed"))
        #expect(reversed.name == "greater-than-reversed")
        var shares: [Double] = []
        for (plain, prompt) in zip(plain.prompts, reversed.prompts) {
            let (answer, last) = try (#require(Int(prompt.answer)), #require(Int(prompt.words["YEAR"]!.suffix(2))))
            #expect(answer <= last && tokenizer.token(for: prompt.answer) == prompt.answerToken)
            shares.append(Double(answer) / Double(last))
            var same = prompt
            (same.dataset, same.answer, same.answerToken) = (plain.dataset, plain.answer, plain.answerToken)
            #expect(same == plain)
        }
        // Uniform over the wrong years: mean 1/2, standard deviation below 0.5.
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect(abs(mean - 0.5) < 5 * 0.5 / Double(shares.count).squareRoot(), "\(mean)")
        source.count = 5
        #expect(try data("greater-than-reversed").prompts == Array(reversed.prompts.prefix(5)))
        #expect(ChoiceTask(dataset: "agreement-reversed") == nil)
    }

    @Test(arguments: ChoiceTask.allCases)
    func splitsShareNothing(_ task: ChoiceTask) throws {
        let fixture = try ChoiceFixture.shared.get()
        let tokenizer = fixture.tokenizer
        func items(_ split: PromptGenerator.Split, seed: UInt64) throws -> Set<[String]> {
            Set(
                try Self.prompts(task, tokenizer, count: 1500, seed: seed, split: split).flatMap { prompt in
                    switch task {
                    case .agreement:
                        prompt.words.values.map { word in fixture.agreement.nouns.first { $0.contains(word) }! }
                    case .greaterThan: [[prompt.words["NOUN"]!, String(prompt.words["YEAR"]!.suffix(2))]]
                    case .pronouns:
                        [fixture.pronouns.nouns.first { $0.contains(prompt.words["SUBJECT"]!) }!]
                    case .colours: (1...3).map { [prompt.words["OBJECT\($0)"]!] }
                    }
                })
        }
        let training = try items(.training, seed: 0).union(items(.training, seed: 1))
        let heldOut = try items(.heldOut, seed: 0).union(items(.heldOut, seed: 1))
        #expect(training.isDisjoint(with: heldOut))
        #expect(heldOut.count >= 7 && training.count > heldOut.count)
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
        expectError(containing: "pronouns.json: pronouns: found he/she, expected a pair") {
            try Self.prompts(.pronouns, bytes)
        }
        expectError(containing: "colours.json: colours: found 0 of one token with a leading space", "3 or more") {
            try Self.prompts(.colours, bytes)
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
        .pronouns: """
        {"nouns": [["boy", "girl"], ["man", "woman"], ["king", "queen"], ["uncle", "aunt"]], "objects": ["cup", "hat"],
         "sentences": [{"name": "lost", "text": "The [SUBJECT] lost the [OBJECT] when"}], "pronouns": [["he", "she"]]}
        """,
        .colours: """
        {"colours": ["red", "green", "blue"], "objects": ["lamp", "box", "cup", "hat", "coat", "chair"],
         "sentences": [{"name": "had", "text": "He had a [COLOUR1] [OBJECT1], a [COLOUR2] [OBJECT2] and a [COLOUR3] \
        [OBJECT3]. The [ASKED] was"}]}
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
        Fault(
            task: .pronouns, from: "\"girl\"", to: "\"\"",
            message: "nouns[0]: found [\"boy\", \"\"], expected a masculine and a feminine form"
        ),
        Fault(task: .pronouns, from: "\"hat\"", to: "\"cup\"", message: "objects: found \"cup\" twice"),
        Fault(task: .pronouns, from: "\"she\"", to: "\"he\"", message: "pronouns[0]: found "),
        Fault(
            task: .pronouns, from: "[OBJECT]", to: "[OTHER]",
            message: "sentence \"lost\": found slots [SUBJECT] [OTHER], expected [SUBJECT] [OBJECT]"
        ),
        Fault(task: .colours, from: "\"green\"", to: "\"red\"", message: "colours: found \"red\" twice"),
        Fault(task: .colours, from: ", \"blue\"", to: "", message: "colours: found 2 of one token"),
        Fault(task: .colours, from: ", \"chair\"", to: "", message: "objects: found 2 of one token"),
        Fault(
            task: .colours, from: "\"box\", \"cup\", \"hat\", \"coat\", \"chair\"", to: "\"qzx\", \"zxq\"",
            message: "of one token with a leading space, by the model's tokenizer, expected 3 or more"
        ),
        Fault(
            task: .colours, from: "a [COLOUR2] [OBJECT2] and ", to: "",
            message:
                "found slots [COLOUR1] [OBJECT1] [COLOUR3] [OBJECT3] [ASKED], expected [COLOUR1] [OBJECT1] [COLOUR2]"
        ),
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
        for task in ChoiceTask.allCases {
            try ChoiceTaskTests.checkTokens(task, tokenizer)
            try ChoiceTaskTests.checkPositions(task, tokenizer)
            for split in PromptGenerator.Split.allCases {
                try ChoiceTaskTests.checkCounterfactuals(task, tokenizer, split)
                let prompts = try ChoiceTaskTests.prompts(task, tokenizer, count: 1000, split: split)
                #expect(prompts.allSatisfy { $0.counterfactualTokens != nil })
            }
        }
        try ChoiceTaskTests.checkVerbs(tokenizer)
        try ChoiceTaskTests.checkYears(tokenizer)
        try ChoiceTaskTests.checkPronouns(tokenizer)
        try ChoiceTaskTests.checkColours(tokenizer)
        // All verbs count: " is", " was", " has" and " are", " were", " have".
        let verbs = try ChoiceTaskTests.prompts(.agreement, tokenizer, count: 20)
        #expect(verbs.allSatisfy { [[318, 373, 468], [389, 547, 423]].contains($0.rightTokens) })
        // A noun of the data may be several tokens, but years are two and prompts are short.
        let years = try ChoiceTaskTests.prompts(.greaterThan, tokenizer)
        #expect((verbs + years).allSatisfy { $0.tokens.count < 32 })
    }
    /// The text, answer and tokens of 200 prompts of each of two seeds, as before there were counterfactuals.
    @Test func promptsAreStillThoseOfTheirSeeds() throws {
        let tokenizer = try BPETokenizer(directory: #require(Fixtures.gpt2Tokenizer))
        let recorded: [(ChoiceTask, PromptGenerator.Split, sha256: String)] = [
            (.agreement, .training, "34845abf226dde6f63031aba09b624cdd4a0bcfaf810af27e7ef6a896d73fa8c"),
            (.agreement, .heldOut, "59c70d919b6cfb8e5e1832e85a705aff5d8807896c6f17cb010f0f41de46022a"),
            (.greaterThan, .training, "2cd0dbef91c4fa8c3595955a546483ccb9bb3249a10575f25ee7df060c08f5db"),
            (.greaterThan, .heldOut, "0067e8263a52629e6a21e3fd9d9b5cdcfca9b14470f0c80c086f2d4ed1467dbc"),
        ]
        for (task, split, sha256) in recorded {
            let prompts = try [3, 8].flatMap {
                try ChoiceTaskTests.prompts(task, tokenizer, count: 200, seed: $0, split: split)
            }
            let lines = prompts.map {
                "\($0.text)\($0.answer) " + $0.tokens.map(String.init).joined(separator: " ") + "\n"
            }
            #expect(Digest.sha256(of: Data(lines.joined().utf8)) == sha256, "\(task), \(split)")
        }
    }
}
