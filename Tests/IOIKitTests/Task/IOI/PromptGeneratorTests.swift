import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PromptGeneratorTests {
    @Test func positionsAreWhereTheNamesStand() throws {
        let fixture = try TaskFixture.shared.get()
        for beginning in [false, true] {
            let generator = try fixture.generator(beginningOfText: beginning)
            let prompts = try generator.dataset(TaskFixture.clean, count: 400, seed: 1).prompts
            for prompt in prompts {
                let encoded = fixture.tokenizer.encode(prompt.text)
                #expect(prompt.tokens == (beginning ? [fixture.tokenizer.endOfText!] : []) + encoded)
                let io = prompt.tokens.indices.filter { prompt.tokens[$0] == prompt.ioToken }
                let s = prompt.tokens.indices.filter { prompt.tokens[$0] == prompt.sToken }
                #expect(io == [prompt.positions.io])
                #expect(s == [prompt.positions.s1, prompt.positions.s2])
                #expect(prompt.positions.s1Next == s[0] + 1)
                #expect(prompt.positions.end == prompt.tokens.count - 1)
                #expect(prompt.order == (io[0] < s[0] ? .abba : .baba))
                #expect(fixture.tokenizer.decode([prompt.ioToken]) == prompt.io)
                #expect(fixture.tokenizer.decode([prompt.sToken]) == prompt.s)
                #expect(prompt.io.first == " " && prompt.s.first == " ")
            }
        }
    }

    @Test func textsAreFilledTemplates() throws {
        let fixture = try TaskFixture.shared.get()
        let texts = Dictionary(uniqueKeysWithValues: fixture.templates.templates.map { ($0.name, $0) })
        for prompt in try fixture.generator().dataset(TaskFixture.clean, count: 200, seed: 2).prompts {
            let template = try #require(texts[prompt.template])
            let place = try #require(prompt.place)
            let object = try #require(prompt.object)
            let expected = template.filled(
                order: prompt.order,
                io: String(prompt.io.dropFirst()),
                s: String(prompt.s.dropFirst()),
                place: place,
                object: object
            )
            #expect(prompt.text == expected)
        }
    }

    @Test func partnerIsTheSameSentenceWithThreeNames() throws {
        let fixture = try TaskFixture.shared.get()
        let nameTokens = Set(try fixture.names.names.map { try fixture.token(" " + $0) })
        for prompt in try fixture.generator().dataset(TaskFixture.clean, count: 400, seed: 2).prompts {
            var abc = try #require(prompt.abcTokens)
            #expect(prompt.abcText == fixture.tokenizer.decode(abc))
            let places = [prompt.positions.io, prompt.positions.s1, prompt.positions.s2]
            let names = Set(places.map { abc[$0] })
            #expect(names.count == 3 && names.isSubset(of: nameTokens))
            for place in places { abc[place] = prompt.tokens[place] }
            #expect(abc == prompt.tokens)
        }
    }

    @Test func counterfactualIsTheOneAskedFor() throws {
        let fixture = try TaskFixture.shared.get()
        let generator = try fixture.generator(counterfactual: .s2ToIO)
        for prompt in try generator.dataset(TaskFixture.clean, count: 50, seed: 2).prompts {
            var expected = prompt.tokens
            expected[prompt.positions.s2] = prompt.ioToken
            #expect(prompt.abcTokens == expected)
        }
    }

    /// Pearson's statistic against equal shares stays below its mean plus six standard deviations (χ² of d
    /// degrees of freedom has mean d and variance 2d; the seed is fixed, so that the outcome is as well).
    @Test func drawsAreUniformAndIndependent() throws {
        let fixture = try TaskFixture.shared.get()
        let prompts = try fixture.generator().dataset(TaskFixture.nameMoving, count: 6_000, seed: 0).prompts
        func check(_ what: String, categories: Int, _ category: (IOIPrompt) -> String) {
            var counts: [String: Int] = [:]
            for prompt in prompts { counts[category(prompt), default: 0] += 1 }
            #expect(counts.count == categories, "\(what)")
            let expected = Double(prompts.count) / Double(categories)
            let statistic = counts.values.reduce(0) { $0 + pow(Double($1) - expected, 2) / expected }
            let freedom = Double(categories - 1)
            #expect(statistic < freedom + 6 * (2 * freedom).squareRoot(), "\(what): \(statistic)")
        }
        check("template", categories: 15) { $0.template }
        check("order", categories: 2) { $0.order.rawValue }
        check("template and order", categories: 30) { $0.template + $0.order.rawValue }
        check("IO", categories: 100) { $0.io }
        check("S", categories: 100) { $0.s }
        check("label", categories: 100) { $0.answer }
        check("place", categories: 16) { $0.place! }
        check("object", categories: 16) { $0.object! }
        check("place and object", categories: 256) { $0.place! + " " + $0.object! }
        check("order and who is first in the alphabet", categories: 4) {
            $0.order.rawValue + ($0.io < $0.s ? "<" : ">")
        }
    }

    @Test func countChangesNoPrompt() throws {
        let generator = try TaskFixture.shared.get().generator()
        let few = try generator.dataset(TaskFixture.clean, count: 10, seed: 5)
        let many = try generator.dataset(TaskFixture.clean, count: 40, seed: 5)
        #expect(many.prompts.prefix(10) == few.prompts[...])
        #expect(many.jsonLines.starts(with: few.jsonLines))
        #expect(few.name == "clean" && few.count == 10 && few.seed == 5)
        #expect(few.prompts.map(\.id) == Array(0..<10))
        let other = try generator.dataset(TaskFixture.clean, count: 10, seed: 6)
        #expect(zip(few.prompts, other.prompts).contains { $0.text != $1.text })
    }

    @Test func heldOutPairsAreNeverTrainedOn() throws {
        let generator = try TaskFixture.shared.get().generator()
        func pairs(_ split: PromptGenerator.Split, seed: UInt64) throws -> Set<Set<String>> {
            let dataset = try generator.dataset(TaskFixture.clean, count: 3_000, seed: seed, split: split)
            return Set(dataset.prompts.map { [$0.io, $0.s] })
        }
        let heldOut = try pairs(.heldOut, seed: 1)
        #expect(heldOut.count > 300)
        #expect(try heldOut.isDisjoint(with: pairs(.training, seed: 1)))
        #expect(try heldOut.isDisjoint(with: pairs(.training, seed: 2)))
    }

    @Test func threeNamesAreEnough() throws {
        let fixture = try TaskFixture.shared.get()
        let names = try NameList(["Mary", "John", "Anna"], source: "N")
        let generator = try PromptGenerator(
            templates: fixture.templates,
            names: names,
            tokenizer: fixture.tokenizer
        )
        for split in PromptGenerator.Split.allCases {
            for prompt in try generator.dataset(TaskFixture.nameMoving, count: 50, seed: 0, split: split)
                .prompts
            {
                #expect(Set([prompt.io, prompt.s, prompt.answer]) == [" Mary", " John", " Anna"])
            }
        }
    }

    /// The words alone, since token ids are the tokenizer's.
    @Test func sameSeedGivesTheSameTextsOnEveryMachine() throws {
        let prompts = try TaskFixture.shared.get().generator().dataset(
            TaskFixture.nameMoving,
            count: 500,
            seed: 0
        ).prompts
        #expect(prompts[0].text == "When Nancy and David came home from the hotel, David showed a phone to")
        #expect(
            prompts[0].abcText == "When Brandon and Lisa came home from the hotel, Scott showed a phone to"
        )
        #expect(prompts[0].answer == " Christina")
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for prompt in prompts {
            for byte in "\(prompt.text)|\(prompt.abcText!)|\(prompt.answer)\n".utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        #expect(hash == 7_804_177_479_268_719_304)
    }

    @Test func everyWordOfSeveralTokensIsNamed() throws {
        let fixture = try TaskFixture.shared.get()
        let names = try NameList(["Mary", "Zzyzx", "John", "Mary Ann"], source: "N")
        let templates = try withFile(
            """
            {"templates": [{"name": "t", "text": "Then [S] met [IO] at the [PLACE]. [S] gave a [OBJECT] to"}],
             "places": ["store", "qqq"], "objects": ["ww", "book"]}
            """
        ) { try TemplateSet(contentsOf: $0) }
        let count = fixture.tokenizer.encode(" Zzyzx").count
        let anotherCount = fixture.tokenizer.encode(" Mary Ann").count
        expectError(
            containing:
                "N: name \"Zzyzx\" (\(count) tokens), \"Mary Ann\" (\(anotherCount) tokens)",
            "place \"qqq\" (",
            "object \"ww\" (",
            "expected words of one token"
        ) {
            try PromptGenerator(templates: templates, names: names, tokenizer: fixture.tokenizer)
        }
        #expect(count > 1)
    }

    private func generator(_ text: String, contextLength: Int? = nil) throws -> PromptGenerator {
        let names = try NameList.standard()
        let tokenizer = try BPETokenizer.covering(
            texts: [text, " store", " stores", " drink"] + names.names.map { " " + $0 }
        )
        let template = try Template(name: "t", text: text, source: "F")
        return try PromptGenerator(
            templates: TemplateSet(templates: [template], places: ["store"], objects: ["drink"], source: "F"),
            names: names,
            tokenizer: tokenizer,
            contextLength: contextLength
        )
    }

    @Test func punctuationMayFollowASlot() throws {
        let generator = try self.generator(
            "A dog of [S], and a [OBJECT]'s colour, [IO]'s [PLACE]!  Then  [S]'d like to"
        )
        for prompt in try generator.dataset(TaskFixture.clean, count: 50, seed: 0).prompts {
            #expect(prompt.tokens[prompt.positions.s2] == prompt.sToken)
            #expect(prompt.text.contains("\(prompt.s)'d like to"))
        }
    }

    @Test func letterAfterASlotIsRefused() {
        expectError(containing: "F: template \"t\"", "expected a space or punctuation after each slot") {
            try generator("Then [S] and [IO] went to two [PLACE]s. [S] gave a [OBJECT] to")
        }
    }

    @Test func promptLongerThanTheContextIsRefused() throws {
        let text = "Then [S] and [IO] met at the [PLACE]. [S] gave a [OBJECT] to"
        #expect(throws: Never.self) { try generator(text, contextLength: 14) }
        expectError(containing: "F: template \"t\": 14 tokens", "context of 13") {
            try generator(text, contextLength: 13)
        }
    }

    @Test func beginningOfTextNeedsItsToken() throws {
        let fixture = try TaskFixture.shared.get()
        let tokens = fixture.tokenizer.tokens
        let vocabulary = tokens.dropLast().enumerated().map { ($0.element, $0.offset) }
        let tokenizer = try BPETokenizer(
            vocabulary: Dictionary(uniqueKeysWithValues: vocabulary),
            merges: fixture.tokenizer.mergePairs.map { (tokens[Int($0.left)], tokens[Int($0.right)]) }
        )
        func generator(beginningOfText: Bool) throws -> PromptGenerator {
            try PromptGenerator(
                templates: fixture.templates,
                names: fixture.names,
                tokenizer: tokenizer,
                beginningOfText: beginningOfText
            )
        }
        #expect(throws: Never.self) { try generator(beginningOfText: false) }
        expectError(containing: "bos", "no <|endoftext|>") { try generator(beginningOfText: true) }
    }

    @Test func countHasToBePositive() throws {
        let generator = try TaskFixture.shared.get().generator()
        for count in [0, -1] {
            #expect(throws: IOIError.invalid("count", "found \(count), expected 1 to 10000000")) {
                try generator.dataset(TaskFixture.clean, count: count, seed: 0)
            }
        }
    }
}
