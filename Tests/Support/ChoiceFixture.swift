import Foundation
import GPT2Kit
import IOIKit

/// The data of the other tasks as it lies in `Data/tasks`, and a tokenizer that knows its words.
package struct ChoiceFixture {
    package struct Agreement: Decodable {
        package struct Sentence: Decodable {
            package let name, text: String
        }
        package let nouns: [[String]]
        package let sentences: [Sentence]
        package let verbs: [[String]]
    }

    package struct GreaterThan: Decodable {
        package let nouns: [String]
        package let centuries: [String]
        package let sentences: [Agreement.Sentence]
    }

    package struct Pronouns: Decodable {
        package let nouns: [[String]]
        package let objects: [String]
        package let sentences: [Agreement.Sentence]
        package let pronouns: [[String]]
    }

    package struct Colours: Decodable {
        package let colours: [String]
        package let objects: [String]
        package let sentences: [Agreement.Sentence]
    }

    package let agreement: Agreement
    package let greaterThan: GreaterThan
    package let pronouns: Pronouns
    package let colours: Colours
    /// With years of two tokens and the verbs of all pairs.
    package let tokenizer: BPETokenizer

    package static let shared = Result { try ChoiceFixture() }

    /// Texts whose words a model has to know for all tasks.
    package static var texts: [String] {
        get throws {
            let (agreement, greaterThan) = try (
                read(Agreement.self, "agreement"), read(GreaterThan.self, "greater-than")
            )
            let (pronouns, colours) = try (read(Pronouns.self, "pronouns"), read(Colours.self, "colours"))
            let sentences = [agreement.sentences, greaterThan.sentences, pronouns.sentences, colours.sentences]
            let words =
                greaterThan.nouns + (agreement.verbs + pronouns.nouns + pronouns.pronouns).flatMap { $0 }
                + pronouns.objects + colours.colours + colours.objects
            // Centuries before years, so that their merges are done first.
            return greaterThan.centuries.map { " \($0)" } + (0..<100).map { String(format: "%02d", $0) }
                + sentences.joined().map { $0.text.replacing(/\[[A-Z]+[0-9]*\]/, with: "it") } + words.map { " \($0)" }
        }
    }

    private init() throws {
        agreement = try Self.read(Agreement.self, "agreement")
        greaterThan = try Self.read(GreaterThan.self, "greater-than")
        pronouns = try Self.read(Pronouns.self, "pronouns")
        colours = try Self.read(Colours.self, "colours")
        tokenizer = try .covering(texts: Self.texts)
    }

    private static func read<Contents: Decodable>(_ type: Contents.Type, _ name: String) throws -> Contents {
        try JSONDecoder().decode(type, from: Data(contentsOf: DataDirectory.file("tasks/\(name).json")))
    }

    /// The tokenizers that the data is tried with: the fixture's and the embedded model's.
    package static func tokenizers(for task: ChoiceTask) throws -> [BPETokenizer] {
        var all = [try shared.get().tokenizer]
        if task == .agreement { all.append(try BPETokenizer(directory: DataDirectory.file("embedded"))) }
        return all
    }
}
