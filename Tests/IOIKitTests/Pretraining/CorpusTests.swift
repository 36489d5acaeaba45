import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CorpusTests {
    static let templates = try! TemplateSet.standard()
    static let names = try! NameList.standard()
    static let tokenizer = try! Corpus.tokenizer(templates, names)

    static func corpus(seed: UInt64 = 0) throws -> Corpus {
        try Corpus(.standard, seed: seed, templates: templates, names: names, tokenizer: tokenizer)
    }

    /// The documents' words, without the end-of-text tokens.
    static func text(_ document: TrainingExample) -> String {
        tokenizer.decode(document.tokens).replacing("<|endoftext|>", with: "")
    }

    /// Whose names stand in a document, in order.
    static func people(_ document: TrainingExample) -> [String] {
        let known = Set(names.names)
        return text(document).split { !$0.isLetter }.map(String.init).filter(known.contains)
    }

    @Test func eachWordIsOneToken() throws {
        let corpus = try Self.corpus()
        for index in 0..<500 {
            let document = corpus.document(index)
            let words = Self.text(document).split(separator: " ").flatMap { word in
                // What follows a word without a space is a piece of its own.
                word.last!.isPunctuation ? [word.dropLast(), word.suffix(1)] : [word]
            }
            let beginning = document.tokens[0] == Self.tokenizer.endOfText ? 1 : 0
            #expect(document.tokens.count == words.count + beginning, "\(Self.text(document))")
            #expect(document.answer == Self.tokenizer.endOfText)
        }
    }

    @Test func noDocumentNamesAPairThatIsHeldOut() throws {
        let heldOut = Set(
            NamePairs(Self.names.names).heldOut.map { Set([Self.names.names[$0.first], Self.names.names[$0.second]]) }
        )
        let corpus = try Self.corpus()
        for index in 0..<2000 {
            let people = Set(Self.people(corpus.document(index)))
            for a in people {
                for b in people { #expect(!heldOut.contains([a, b]), "\(a), \(b)") }
            }
        }
    }

    @Test func sentencesOfTheTaskComeWithTheirPositions() throws {
        let corpus = try Self.corpus()
        for document in (0..<500).map(corpus.document) {
            guard let positions = document.positions else { continue }
            let (tokens, people) = (document.tokens, Set(Self.people(document)))
            #expect(tokens[positions.s1] == tokens[positions.s2] && positions.s1 < positions.s2)
            #expect(tokens[positions.io] != tokens[positions.s1])
            for position in [positions.io, positions.s1, positions.s2, positions.end + 1] {
                #expect(people.contains(String(Self.tokenizer.decode([tokens[position]]).dropFirst())))
            }
            #expect(["to", "for"].contains(Self.tokenizer.decode([tokens[positions.end]]).dropFirst()))
            #expect(positions.end == tokens.count - 3)
        }
    }

    /// Shares of 6,000 documents, within four standard errors.
    @Test func sharesAreThoseOfTheMix() throws {
        let corpus = try Self.corpus(seed: 3)
        let documents = (0..<6000).map(corpus.document)
        func check(_ found: Int, of count: Int, _ share: Double, _ name: String) {
            let error = (share * (1 - share) / Double(count)).squareRoot()
            #expect(abs(Double(found) / Double(count) - share) < 4 * error, "\(name)")
        }
        let texts = documents.map(Self.text)
        let task = documents.filter { $0.positions != nil }
        check(task.count, of: 6000, 0.55, "task")
        check(texts.count { $0.hasPrefix("Once:") }, of: 6000, 0.12, "lists")
        check(texts.count { $0.contains("thanked") }, of: 6000, 0.06, "thanks")
        check(documents.count { Self.people($0).isEmpty && !Self.text($0).hasPrefix("Once:") }, of: 6000, 0.04, "none")
        check(documents.count { Self.people($0).count == 1 }, of: 6000, 0.05, "one")
        check(documents.count { $0.tokens[0] == Self.tokenizer.endOfText }, of: 6000, 0.5, "beginnings")
        func last(_ document: TrainingExample) -> Int { document.tokens[document.tokens.count - 2] }
        check(task.count { last($0) == $0.tokens[$0.positions!.io] }, of: task.count, 0.72, "IO")
        check(task.count { last($0) == $0.tokens[$0.positions!.s2] }, of: task.count, 0.03, "S")
        let three = documents.filter {
            $0.positions == nil && Self.people($0).count == 4 && !Self.text($0).contains(/^Once:|thanked/)
        }
        check(three.count, of: 6000, 0.18, "three names")
        for (place, share) in [(0, 0.36), (1, 0.36), (2, 0.02)] {
            check(three.count { Self.people($0)[3] == Self.people($0)[place] }, of: three.count, share, "\(place)")
        }
    }

    @Test func aDocumentDependsOnItsSeedAndNumberAlone() throws {
        let (a, b) = (try Self.corpus(), try Self.corpus(seed: 1))
        #expect((0..<50).map(a.document) == (0..<50).map(try Self.corpus().document))
        #expect((0..<50).map(a.document) != (0..<50).map(b.document))
    }
}
