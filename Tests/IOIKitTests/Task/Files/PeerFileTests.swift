import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The prompts of others' repositories, where they lie beside this one or in `IOI_PUBLISHED_DATA`.
@Suite(
    .enabled(
        if: Fixtures.publishedData != nil && Fixtures.gpt2Tokenizer != nil,
        "there is no folder with the authors' files (IOI_PUBLISHED_DATA) or GPT-2's tokenizer (IOI_GPT2_TOKENIZER)"
    )
)
struct PeerFileTests {
    private static let tokenizer = Result { try BPETokenizer(directory: #require(Fixtures.gpt2Tokenizer)) }
    private let tokenizer: BPETokenizer
    private let config: GPT2Config

    init() throws {
        tokenizer = try Self.tokenizer.get()
        config = try GPT2Config(
            vocabularySize: tokenizer.vocabularySize, contextLength: 1024, width: 8, layers: 1, heads: 1)
    }

    private func file(_ name: String) throws -> URL {
        try #require(Fixtures.publishedData).appendingPathComponent("peers/\(name)")
    }

    private func read(_ name: String, _ change: (inout PromptSource) -> Void = { _ in }) throws -> TaskDataset {
        var source = PromptSource(count: 1)
        source.file = try file(name).path
        change(&source)
        return try source.data(tokenizer: tokenizer, config: config)
    }

    private func text(_ tokens: [Int]) -> [String] { tokens.map { tokenizer.decode([$0]) } }

    @Test func eapIGsNames() throws {
        // The ids are of Llama's vocabulary, most beyond GPT-2's.
        expectError(
            containing: "eap-ig-ioi.csv line 4: correct_idx: found token id ", "ids below 50257", "answers: sentence"
        ) {
            try read("eap-ig-ioi.csv")
        }
        // And the others are not those of the names.
        let table = try String(contentsOf: file("eap-ig-ioi.csv"), encoding: .utf8)
        let rows = table.split(whereSeparator: \.isNewline)
        #expect(rows.count == 500)
        let fitting = rows[1...].filter { row in
            row.split(separator: ",").suffix(2).allSatisfy { Int($0)! < tokenizer.vocabularySize }
        }
        #expect(fitting.count > 1)
        for row in fitting.prefix(20) {
            try withFile("\(rows[0])\n\(row)\n", named: "one.csv") { file in
                var source = PromptSource(count: 1)
                source.file = file.path
                expectError(containing: "one.csv line 2: ", "expected a name of the sentence") {
                    try source.data(tokenizer: tokenizer, config: config)
                }
            }
        }

        let dataset = try read("eap-ig-ioi.csv") { $0.answers = .sentence }
        let prompts = try #require(dataset.ioi).prompts
        #expect(prompts.count == 499)
        // A regular expression finds the names as well.
        let people = /^.*? ([A-Z]\w+) and ([A-Z]\w+) .*?(?:[,.]| afterwards) ([A-Z]\w+) .*$/
        for prompt in prompts {
            let match = try #require(prompt.text.wholeMatch(of: people), "\(prompt.text)")
            let io = match.3 == match.1 ? match.2 : match.1
            let at = { (index: Int) in tokenizer.decode([prompt.tokens[index]]) }
            let isRight =
                prompt.io == " \(io)" && prompt.s == " \(match.3)" && at(prompt.positions.io) == prompt.io
                && at(prompt.positions.s1) == prompt.s && at(prompt.positions.s2) == prompt.s
                && prompt.positions.s1 < prompt.positions.s2 && prompt.positions.end == prompt.tokens.count - 1
                && prompt.abcTokens?.count == prompt.tokens.count
                && prompt.abcTokens?[prompt.positions.s2] != prompt.sToken
            #expect(isRight, "\(prompt)")
        }
    }

    @Test(arguments: [("eap-ig-greater-than.csv", 1000), ("auto-circuit-greater-than.json", 1000)])
    func years(_ name: String, _ count: Int) throws {
        let dataset = try read(name)
        #expect(dataset.count == count)
        let all = (0..<100).map { String(format: "%02d", $0) }
        for prompt in dataset.prompts {
            let year = try Int(#require(prompt.text.firstMatch(of: /year \d\d(\d\d)/)).1)!
            let isRight =
                text(prompt.rightTokens) == Array(all[(year + 1)...]) && text(prompt.wrongTokens) == Array(all[...year])
                && prompt.counterfactualTokens?.count == prompt.tokens.count
                && prompt.counterfactualText?.firstMatch(of: /year \d\d01/) != nil
            #expect(isRight, "\(prompt)")
        }
    }

    @Test func autoCircuitsNames() throws {
        for beginningOfText in [false, true] {
            let dataset = try read("auto-circuit-ioi.json") { $0.beginningOfText = beginningOfText }
            #expect(dataset.count == 1000)
            let names = ["IO-1", "IO", "IO+1", "S1", "S1+1", "S2", "end", "starts", "punct", "S1-1", "END"]
            #expect(Set(dataset.prompts[0].positions.names.map(\.text)) == Set(names))
            for prompt in dataset.prompts {
                func at(_ name: String) throws -> String {
                    tokenizer.decode([prompt.tokens[try #require(prompt.positions[PositionName(name)!])]])
                }
                let (io, s) = (text(prompt.rightTokens), text(prompt.wrongTokens))
                let isRight =
                    try [at("IO")] == io && [at("S1")] == s && [at("S2")] == s && at("punct") == "."
                    && at("end") == " to"
                    && at("starts") == String(prompt.text.prefix { $0 != "," })
                    && prompt.positions.end == prompt.tokens.count - 1
                    && prompt.counterfactualTokens?.count == prompt.tokens.count
                #expect(isRight, "\(prompt)")
            }
        }
    }

    /// All of them in all forms.
    @Test(arguments: [
        "eap-ig-ioi.csv", "eap-ig-greater-than.csv", "auto-circuit-ioi.json", "auto-circuit-greater-than.json",
    ])
    func goThroughEachForm(_ name: String) throws {
        let dataset = try read(name) { $0.answers = name == "eap-ig-ioi.csv" ? .sentence : .given }
        for form in PromptForm.allCases {
            try withFile(dataset.contents(as: form, tokenizer: tokenizer), named: "again") { file in
                var source = PromptSource(count: 1)
                source.file = file.path
                let again = try source.data(tokenizer: tokenizer, config: config)
                #expect(again.prompts.map(\.tokens) == dataset.prompts.map(\.tokens))
                #expect(again.prompts.map(\.counterfactualTokens) == dataset.prompts.map(\.counterfactualTokens))
                #expect(again.prompts.map(\.rightTokens) == dataset.prompts.map(\.rightTokens))
                #expect(again.prompts.map(\.wrongTokens) == dataset.prompts.map(\.wrongTokens))
                #expect(form != .lines || again.prompts == dataset.prompts)
            }
        }
    }
}
