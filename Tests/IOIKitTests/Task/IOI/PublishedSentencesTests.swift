import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The authors' own files, where they lie beside the repository or in `IOI_PUBLISHED_DATA`.
@Suite(
    .enabled(
        if: Fixtures.publishedData != nil && Fixtures.gpt2Tokenizer != nil,
        "there is no folder with the authors' files (IOI_PUBLISHED_DATA) or GPT-2's tokenizer (IOI_GPT2_TOKENIZER)"
    )
)
struct PublishedSentencesTests {
    private static let tokenizer = Result { try BPETokenizer(directory: #require(Fixtures.gpt2Tokenizer)) }

    private func dataset(_ published: PublishedDataset, count: Int = .max, seed: UInt64 = 0) throws -> (
        lines: [String], dataset: IOIDataset
    ) {
        let file = try #require(Fixtures.publishedData).appendingPathComponent(published.file)
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        let reader = SentenceReader(PromptReader(tokenizer: try Self.tokenizer.get(), names: try .standard()))
        return (lines, try published.dataset(from: file, count: count, seed: seed, reader: reader))
    }

    @Test(arguments: zip(PublishedDataset.allCases, [6294, 6360, 6354, 6360]))
    func everySentenceBecomesAPrompt(_ published: PublishedDataset, _ count: Int) throws {
        let tokenizer = try Self.tokenizer.get()
        let (lines, dataset) = try dataset(published)
        #expect(dataset.count == count && lines.count == count && dataset.name == published.rawValue)
        // The lines as they are, so that training on text is on the file's own.
        #expect(TaskDataset(dataset).lines == lines)
        // Derived again with a regular expression over the whole line: two names, the word before the rest of the
        // sentence that says what happens, and the last word.
        let people =
            /^.*? ([A-Z]\w+) and ([A-Z]\w+) .*?(?:[,.]|and|that|afterwards|Afterwards) ([A-Z]\w+) (?:gave|said|decided|wanted) .*?(\w+)$/
        for (line, prompt) in zip(lines, dataset.prompts) {
            let match = try #require(line.wholeMatch(of: people), "\(line)")
            let (first, second, s2, answer) = (
                " \(match.1)", " \(match.2)", " \(match.3)", " \(match.4)"
            )
            let io: String
            switch published {
            case .duplication: io = answer == first ? first : second
            default: io = s2 == first ? second : first
            }
            let s = io == first ? second : first
            let positions = prompt.positions
            func token(_ position: Int) -> String { tokenizer.decode([prompt.tokens[position]]) }
            let isRight: Bool =
                switch published {
                case .clean: s2 == s && answer == io
                case .nameMoving: s2 == s && answer != io && answer != s
                case .subjectDuplication: s2 == s && answer == s
                case .duplication: s2 != s && s2 != io && answer == io
                }
            let isSame =
                prompt.io == io && prompt.s == s && prompt.answer == answer
                && tokenizer.decode([prompt.answerToken]) == answer && token(positions.io) == io
                && token(positions.s1) == s && token(positions.s2) == s2 && positions.s1Next == positions.s1 + 1
                && positions.end == prompt.tokens.count - 1 && positions.s2 > max(positions.io, positions.s1)
                && prompt.order == (io == first ? .abba : .baba) && prompt.abcTokens?.count == prompt.tokens.count
                && tokenizer.decode(prompt.tokens) + answer == line && prompt.dataset == published.rawValue
            #expect(isRight && isSame, "\(line)")
        }
        // 30 sentences, and one in which an adjective precedes each of 8 places.
        #expect(Set(dataset.prompts.map(\.template)).count == 38)
    }

    @Test func fewerAreASampleOfTheFile() throws {
        let (lines, all) = try dataset(.clean)
        let some = try dataset(.clean, count: 50, seed: 4).dataset
        #expect(some.count == 50 && some.prompts == some.prompts.map { all.prompts[$0.id] })
        #expect(TaskDataset(some).lines == some.prompts.map { lines[$0.id] })
    }
}
