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

/// Runs a test with a file of the given content, which is gone afterwards.
func withFile<Result>(
    _ content: String,
    named name: String = "input",
    _ body: (URL) throws -> Result
) throws -> Result {
    try withFile(Data(content.utf8), named: name, body)
}

func withFile<Result>(_ content: Data, named name: String = "input", _ body: (URL) throws -> Result) throws
    -> Result
{
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try content.write(to: file)
    return try body(file)
}

/// The error of an operation, which has to be one line and to contain all of the given parts.
func expectError<Result>(
    containing parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation,
    from operation: () throws -> Result
) {
    do {
        _ = try operation()
        Issue.record("no error, expected one that says \(parts)", sourceLocation: sourceLocation)
    } catch let error as IOIError {
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
        for part in parts where !error.description.contains(part) {
            Issue.record("\"\(error)\" does not contain \"\(part)\"", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("another kind of error: \(error)", sourceLocation: sourceLocation)
    }
}
