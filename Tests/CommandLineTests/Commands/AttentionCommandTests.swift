import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi attention`: its document, table, text, chart and page, exit codes and one-line errors.
@Suite struct AttentionCommandTests {
    static let model = TemporaryModel.shared
    static let other = try! TemporaryModel(seed: 8)
    static let sentence = "Then, Mary and John went to the store. John gave a drink to"

    static func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(["attention", "--model", model.model.path, "--quiet"] + arguments)
    }

    private struct Document: Decodable {
        let schema, command: String
        let options: AttentionExperiment
        let dataset: DatasetRecord?
        let donor: ModelRecord?
        let results: AttentionResults
    }

    private static func document(_ arguments: [String]) async throws -> Document {
        let run = try await run(arguments + ["--format", "json"])
        #expect(run.status == 0, "\(run.errors)")
        return try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
    }

    @Test func aTextHasItsPatternInEveryForm() async throws {
        let arguments = [Self.sentence, "--heads", "1.2,0.0"]
        let document = try await Self.document(arguments)
        #expect(document.schema == "ioi/1" && document.command == "attention" && document.dataset == nil)
        #expect(document.options.input?.text == Self.sentence && document.options.prompts == nil)
        let patterns = document.results.patterns
        #expect(patterns.heads.map(\.head) == [Head(1, 2), Head(0, 0)] && patterns.queries.joined() == Self.sentence)
        let tokens = patterns.queries.count
        for row in patterns.heads[0].model.value {
            #expect(abs(row.compactMap { $0 }.reduce(0, +) - 1) < 1e-5)
        }
        let csv = try await Self.run(arguments + ["--format", "csv"])
        let lines = csv.output.split(separator: "\n").map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        #expect(lines.count == 1 + tokens * (tokens + 1))
        #expect(csv.output.hasPrefix("between,head,query,query_name,key,key_name,attention,"))
        let last = try #require(lines.last)
        let end = patterns.heads[1].model[tokens - 1, tokens - 1].mean
        #expect(last[1] == "0.0" && Double(last[6]) == end)

        let text = try await Self.run(arguments)
        let top = patterns.heads[0].strongestKeys(of: tokens - 1, 1)[0]
        let figure = patterns.heads[0].model[tokens - 1, top].mean.fixed(3)
        #expect(text.output.hasPrefix("Attention on a text: \(Self.sentence)\n\n1.2 from END to"))
        #expect(text.output.contains("\n\(patterns.keyLabel(top)) ") && text.output.contains(" \(figure)\n"))
        let shown = text.output.split(separator: "\n").map(\.count)
        #expect(shown.dropFirst().allSatisfy { $0 <= 80 })
        let tables = try await Self.run(arguments + ["--format", "markdown"])
        #expect(tables.output.contains("| 1.2, % | 0 | 1 |") && tables.status == 0)
        let latex = try await Self.run(arguments + ["--format", "latex"])
        #expect(latex.output.contains("\\toprule") && latex.status == 0)

        let piped = try await Program.shell(
            "printf '%s\\n' '\(Self.sentence)' | \"$IOI\" attention - --heads 1.2,0.0 --model '\(Self.model.model.path)' --format json"
        )
        let read = try JSONDecoder().decode(Document.self, from: Data(piped.output.utf8))
        #expect(read.results == document.results)
    }

    @Test func promptsAndMeansAreVerified() async throws {
        let file = CommandTests.fresh()
        for arguments in [
            [Self.sentence, "--bos"], ["--dataset", "name-moving"], ["--prompt", "3", "--count", "5"],
            ["--mean", "--count", "9", "--donor", Self.other.model.path],
        ] {
            let run = try await Self.run(arguments + ["--heads", "1.1", "--out", file.path])
            #expect(run.status == 0, "\(run.errors)")
            let verified = try await VerifyCommandTests.verify([file], "--tolerance", "1e-6")
            #expect(verified.status == 0, "\(arguments): \(verified.output)\(verified.errors)")
        }
        let verified = try await VerifyCommandTests.verify([file], "--donor", Self.model.model.path)
        #expect(verified.status == 3 && verified.output.contains("results.patterns.heads[0].difference.value"))
    }

    /// The first of many prompts is the first of one.
    @Test func thePromptIsNamed() async throws {
        let first = try await Self.document(["--heads", "0.3"])
        #expect(first.results.prompt?.id == 0 && first.dataset?.count == 128)
        let second = try await Self.document(["--heads", "0.3", "--prompt", "1", "--count", "2"])
        #expect(second.results.prompt?.id == 1 && second.results.prompt?.text != first.results.prompt?.text)
        let text = try await Self.run(["--heads", "0.3", "--prompt", "1", "--count", "2"])
        #expect(text.output.hasPrefix("Attention on prompt 1, clean: \(second.results.prompt!.text)\n"))
        #expect(text.output.contains("(S2)") || text.output.contains("(IO)") || text.output.contains("(END)"))
        let few = try await Self.document(["--heads", "0.3", "--prompt", "0", "--count", "1"])
        #expect(few.results == first.results)
    }

    @Test func meansHaveIntervalsAndDonorsDifferences() async throws {
        let document = try await Self.document(
            ["--mean", "--count", "10", "--heads", "1.0", "--donor", Self.other.model.path])
        let patterns = document.results.patterns
        #expect(patterns.queries == ["IO", "S1", "S1+1", "S2", "END"] && document.results.count == 10)
        let map = patterns.heads[0]
        let (own, other) = (map.model[4, 0], try #require(map.donor)[4, 0])
        #expect(abs(other.mean - own.mean - map.difference![4, 0].mean) < 1e-12 && own != other)
        #expect(own.ci95 != nil && map.difference![4, 0].ci95 != nil)
        let text = try await Self.run(["--mean", "--count", "10", "--heads", "1.0", "--donor", Self.other.model.path])
        #expect(text.output.contains("1.0, donor − model, %") && text.output.contains("elsewhere"))
        let interval = "[\(own.bounds[0].fixed(2)), \(own.bounds[1].fixed(2))]"
        #expect(text.output.contains(interval))
        let shown = text.output.split(separator: "\n").map(\.count)
        #expect(shown.allSatisfy { $0 <= 80 })
    }

    @Test func theChartAndThePageAreWritten() async throws {
        let folder = CommandTests.fresh()
        let (chart, page) = (folder.appendingPathComponent("a.svg"), folder.appendingPathComponent("a.html"))
        let run = try await Self.run(
            [Self.sentence, "--heads", "0.1,1.3", "--chart", chart.path, "--page", page.path])
        #expect(run.status == 0, "\(run.errors)")
        let svg = try XMLReader(Data(contentsOf: chart))
        #expect(svg.elements.contains { $0.text == "from (query)" } && svg.elements.contains { $0.text == "0.1" })
        let html = try String(contentsOf: page, encoding: .utf8)
        #expect(html.hasPrefix("<!DOCTYPE html>") && html.contains("Head 1.3") && html.contains(Self.sentence))
        // Names of XML, and nothing to fetch.
        #expect(!html.replacing("xmlns=\"http://www.w3.org/2000/svg\"", with: "").contains("http"))
    }

    static let wrong: [(arguments: [String], status: Int32, complaint: String)] = [
        (["--mean"], 64, "--heads"),
        (["--heads", "9"], 64, "--heads"),
        (["--heads", "2.0"], 64, "--heads: found head 2.0, expected 0.0 to 1.3 in this model"),
        (["--heads", "0.1,0.1"], 64, "--heads: found 0.1 twice"),
        (["--heads", "0.1", "--prompt", "500"], 64, "--prompt: found 500, expected the id of a prompt, 0 to 127"),
        (["--heads", "0.1", "--mean", "--prompt", "1"], 64, "--prompt: does not go with --mean"),
        (["--heads", "0.1", "--count", "3"], 64, "--count: has no effect on the first prompt"),
        (["--heads", "0.1", sentence, "--mean"], 64, "--mean: does not go with a text"),
        (["--heads", "0.1", ""], 64, "<text>: found nothing, expected a text of at least one token"),
        (["--heads", "0.1", String(repeating: "Mary and John ", count: 30)], 64, "<text>: found "),
        (
            ["--heads", "0.1", sentence, "--page", "x.pdf"], 64,
            "--page: found x.pdf, expected a file that ends in .html"
        ),
        (["--heads", "0.1", "--data", "/nowhere.jsonl"], 1, "/nowhere.jsonl"),
        (
            ["--heads", "0.1", "--data", "/nowhere.jsonl", "--seed", "3"], 64,
            "--seed: has no effect on one prompt of a file"
        ),
    ]

    @Test(arguments: wrong.indices) func whatIsWrongIsOneLine(_ index: Int) async throws {
        let (arguments, status, complaint) = Self.wrong[index]
        let run = try await Self.run(arguments)
        #expect(run.status == status && run.output.isEmpty, "\(arguments): \(run.errors)")
        #expect(run.complaints.count == 1 && run.complaints[0].hasPrefix("ioi: "), "\(run.errors)")
        #expect(run.complaints.first?.contains(complaint) == true, "\(run.errors)")
    }
}
