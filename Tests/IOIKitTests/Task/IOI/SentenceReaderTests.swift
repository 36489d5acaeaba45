import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct SentenceReaderTests {
    /// A sentence, and what it says by hand: the words of IO, S1 and S2 by their index.
    struct Case: CustomTestStringConvertible, Sendable {
        let line, dataset: String
        let order: NameOrder
        let io, s1, s2: Int
        let template: String
        var testDescription: String { line }

        init(_ line: String, _ dataset: String, _ order: NameOrder, _ io: Int, _ s1: Int, _ s2: Int, _ template: String)
        {
            (self.line, self.dataset, self.order, self.template) = (line, dataset, order, template)
            (self.io, self.s1, self.s2) = (io, s1, s2)
        }
    }

    static let cases = [
        Case(
            "Then, Mary and John sat in the park. John threw a stick to Mary", "clean", .abba, 1, 3, 8,
            "Then, [S] and [IO] sat in the [X]. [S] threw a [X] to"
        ),
        Case(
            "Then, John and Mary sat in the park. John threw a stick to Mary", "clean", .baba, 3, 1, 8,
            "Then, [S] and [IO] sat in the [X]. [S] threw a [X] to"
        ),
        Case(
            "Long after the end of an evening with friends Tom and Anna left the house, so Tom lent the car to Anna",
            "clean", .baba, 11, 9, 16,
            "Long after the [X] of an [X] with friends [S] and [IO] left the [X], so [S] lent the [X] to"
        ),
        // The first word of a later sentence that is no name, and one that is.
        Case(
            "It had rained. Afterwards Anna and Tom met. Later Anna sold a boat to Paul", "name-moving", .baba, 6, 4, 9,
            "It had rained. Afterwards [S] and [IO] met. Later [S] sold a [X] to"
        ),
        Case(
            "It had rained. Anna and Tom met. Tom sold a boat to Paul", "name-moving", .abba, 3, 5, 7,
            "It had rained. [S] and [IO] met. [S] sold a [X] to"
        ),
        Case(
            "When Paul ran into Mary at a fair, Mary showed a trick to Mary", "subject-duplication", .abba, 1, 4, 8,
            "When [S] ran into [IO] at a [X], [S] showed a [X] to"
        ),
        Case(
            "When Mary and Paul talked, Mary said this to Mary", "subject-duplication", .baba, 3, 1, 5,
            "When [S] and [IO] talked, [S] said this to"
        ),
        // Which of the two is IO only the answer says.
        Case(
            "Once Mary and John sat in the park, Tom threw a stick to Mary", "duplication", .abba, 1, 3, 8,
            "Once [S] and [IO] sat in the [X], [S] threw a [X] to"
        ),
        Case(
            "Once Mary and John sat in the park. Tom threw a stick to John", "duplication", .baba, 3, 1, 8,
            "Once [S] and [IO] sat in the [X]. [S] threw a [X] to"
        ),
        Case(
            "Once Mary and John sat in the park. Some time later, Tom threw a stick to John", "duplication", .baba, 3,
            1,
            11, "Once [S] and [IO] sat in the [X]. Some time later, [S] threw a [X] to"
        ),
        // Other capitalised words do not matter where a name repeats; S2 is its second occurrence.
        Case(
            "On Sunday Mary and John flew to Rome. John was glad; John gave a ring to Mary", "clean", .abba, 2, 4, 8,
            "On Sunday [S] and [IO] flew to Rome. [S] was glad; [S] gave a [X] to"
        ),
    ]

    private static let names = ["Mary", "John", "Tom", "Anna", "Paul", "Rita"]
    private static let tokenizer = Result {
        try BPETokenizer.covering(texts: cases.map(\.line) + names.map { " " + $0 })
    }

    private func reader(_ counterfactual: Counterfactual = .distinct, beginningOfText: Bool = false) throws
        -> SentenceReader
    {
        SentenceReader(
            PromptReader(
                tokenizer: try Self.tokenizer.get(), names: try NameList(Self.names, source: "N"),
                counterfactual: counterfactual, beginningOfText: beginningOfText
            )
        )
    }

    private func read(_ content: String, _ reader: SentenceReader? = nil) throws -> IOIDataset {
        try withFile(content, named: "own.txt") { try (reader ?? self.reader()).dataset(contentsOf: $0) }
    }

    @Test(arguments: cases)
    func peopleAreToldByTheSentence(_ line: Case) throws {
        let tokenizer = try Self.tokenizer.get()
        let dataset = try read(line.line + "\n")
        #expect(dataset.name == line.dataset && dataset.count == 1 && dataset.seed == nil)
        let prompt = dataset.prompts[0]
        let words = line.line.split(separator: " ").map(String.init)
        func word(_ index: Int) -> String { " " + words[index].trimmingCharacters(in: .punctuationCharacters) }
        #expect(prompt.dataset == line.dataset && prompt.id == 0 && prompt.order == line.order)
        #expect(prompt.text == words.dropLast().joined(separator: " "))
        #expect(prompt.answer == " " + words.last!)
        #expect(prompt.answerToken == tokenizer.token(for: prompt.answer))
        #expect(prompt.io == word(line.io) && prompt.s == word(line.s1))
        #expect(prompt.tokens == tokenizer.encode(prompt.text))
        // Each word of these sentences is a token, but for the punctuation after it.
        func token(_ index: Int) -> Int {
            index + words[..<index].count { $0.last!.isPunctuation }
        }
        #expect(
            prompt.positions
                == Positions(
                    io: token(line.io), s1: token(line.s1), s1Next: token(line.s1) + 1, s2: token(line.s2),
                    end: prompt.tokens.count - 1
                )
        )
        #expect(tokenizer.decode([prompt.tokens[prompt.positions.s2]]) == word(line.s2))
        #expect(prompt.template == line.template)
        #expect(TaskDataset(dataset).lines == [line.line])
    }

    @Test func pairInsideASentenceNeedsNoAnd() throws {
        // "Paul ran into Mary" has no "and"; "When" begins a sentence and is no name.
        let prompt = try read(Self.cases[5].line).prompts[0]
        #expect(prompt.io == " Paul" && prompt.s == " Mary")
    }

    @Test func counterfactualKeepsLengthAndDrawsThreeNames() throws {
        let dataset = try read(Self.cases.map(\.line).joined(separator: "\n"))
        for prompt in dataset.prompts {
            let abc = try #require(prompt.abcTokens)
            let places = [prompt.positions.io, prompt.positions.s1, prompt.positions.s2]
            let tokenizer = try Self.tokenizer.get()
            #expect(Set(places.map { tokenizer.decode([abc[$0]]) }).count == 3)
            let others = prompt.tokens.indices.filter { !places.contains($0) }
            #expect(others.allSatisfy { abc[$0] == prompt.tokens[$0] } && abc.count == prompt.tokens.count)
            #expect(prompt.abcText == tokenizer.decode(abc))
        }
        let swapped = try read(Self.cases[0].line, reader(.s2ToIO, beginningOfText: true)).prompts[0]
        #expect(swapped.abcText == "Then, Mary and John sat in the park. Mary threw a stick to")
        let end = try Self.tokenizer.get().endOfText
        #expect(swapped.positions.io == 3 && swapped.tokens[0] == end)
    }

    @Test func whatIsWrittenReadsBackAsTheSamePrompts() throws {
        let dataset = try read(Self.cases.map(\.line).joined(separator: "\n"))
        #expect(dataset.name == "own")
        #expect(dataset.prompts.map(\.dataset) == Self.cases.map(\.dataset))
        let again = try withFile(dataset.jsonLines) { try PromptReader().dataset(contentsOf: $0) }
        #expect(again.prompts == dataset.prompts)
    }

    @Test func lineEndsOfWindowsAndBlankLinesAtTheEnd() throws {
        let lines = Self.cases.prefix(3).map(\.line)
        let plain = try read(lines.joined(separator: "\n"))
        #expect(try read("\u{FEFF}" + lines.joined(separator: "\r\n") + "\r\n\r\n  \n").prompts == plain.prompts)
        #expect(TaskDataset(plain).lines == lines)
    }

    @Test(
        arguments: [
            ("Then, Mary and John sat in the park. John threw a stick", "\"stick\" as the last word"),
            ("Then, Mary and John sat in the park. John threw a stick to Mary.", "\"Mary.\" as the last word"),
            ("Mary", "no name before the answer"),
            ("Then Mary sat in the park and threw a stick to Mary", "Mary before the answer"),
            ("Mary and John sat in the park. John threw a stick to Mary", "Mary at the beginning"),
            ("Then Mary and Mary sat in the park. John threw a stick to Mary", "Mary twice"),
            ("Then Mary and John sat in the park to Mary", "no name after Mary and John"),
            ("Then Mary and John sat in the park. Anna and Tom threw a stick to Mary", "Anna, Tom after Mary and John"),
            ("Then Mary and John sat in the park. Anna met Tom and threw a stick to Mary", "Anna, Tom after"),
            ("Then Anna saw Mary and John sat in the park. Anna threw a stick to Mary", "Anna after Mary and John"),
            ("Then Mary and John sat. Mary left, so John threw a stick to Mary", "both Mary and John again"),
            ("Then Mary and John saw Tom. John threw a stick to Tom", "answer \"Tom\", which stands"),
            ("Then Mary and John sat. Tom threw a stick to Anna", "answer \"Anna\", expected Mary or John"),
            ("Then Mary and John sat. Tom threw a stick to Tom", "answer \"Tom\", expected Mary or John"),
            ("Then Mary and Bartholomew sat. Mary threw a stick to Bartholomew", "Bartholomew of"),
            ("Then Mary and John sat. Bartholomew threw a stick to John", "Bartholomew of"),
            ("Then Mary and John sat. Mary threw a stick to Bartholomew", "Bartholomew of"),
            ("", "a blank line"),
        ]
    )
    func whatCannotBeToldIsNamedByLine(_ line: String, _ found: String) throws {
        let good = Self.cases[0].line
        expectError(containing: "own.txt line 2: found ", found, ", expected ") {
            try read("\(good)\n\(line)\n\(good)\n")
        }
    }

    @Test func allLinesAtFaultAreNamedInOneError() throws {
        let good = Self.cases[0].line
        expectError(containing: "own.txt line 2: found ", "; 2 more such lines: 4, 5") {
            try read("\(good)\nno name\n\(good)\n\nThen Mary said so\n\(good)")
        }
        let bad = Array(repeating: "no name", count: 12).joined(separator: "\n")
        expectError(containing: "line 1: ", "; 11 more such lines: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …") {
            try read(bad)
        }
    }

    @Test func fileWithoutSentencesIsRefused() throws {
        expectError(containing: "own.txt: found an empty file") { try read(" \n\n") }
        expectError(containing: "bad.txt: not UTF-8") {
            try withFile(Data([0x41, 0xff]), named: "bad.txt") { try reader().dataset(contentsOf: $0) }
        }
        expectError(containing: "tokenizer") { try read(Self.cases[0].line, SentenceReader(PromptReader())) }
    }
}
