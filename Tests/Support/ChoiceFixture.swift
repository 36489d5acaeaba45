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

    package let agreement: Agreement
    package let greaterThan: GreaterThan
    /// With years of two tokens and the verbs of all pairs.
    package let tokenizer: BPETokenizer

    package static let shared = Result { try ChoiceFixture() }

    /// Texts whose words a model has to know for both tasks.
    package static var texts: [String] {
        get throws {
            let (agreement, greaterThan) = try (
                read(Agreement.self, "agreement"), read(GreaterThan.self, "greater-than")
            )
            let sentences = (agreement.sentences + greaterThan.sentences).map {
                $0.text.replacing(/\[[A-Z]+\]/, with: "it")
            }
            // Centuries before years, so that their merges are done first.
            return greaterThan.centuries.map { " \($0)" } + (0..<100).map { String(format: "%02d", $0) } + sentences
                + (greaterThan.nouns + agreement.verbs.flatMap { $0 }).map { " \($0)" }
        }
    }

    private init() throws {
        agreement = try Self.read(Agreement.self, "agreement")
        greaterThan = try Self.read(GreaterThan.self, "greater-than")
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
