import Foundation
import TestSupport

@testable import GPT2Kit

/// What Scripts/make-tokenizer-fixtures.py wrote: Hugging Face's answers.
struct TokenizerFixtures: Decodable {
    struct Decoded: Decodable {
        let ids: [Int]
        let text: String

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            ids = try container.decode([Int].self)
            text = try container.decode(String.self)
        }
    }

    let strings: [String]
    let small: [[Int]]
    let gpt2: [[Int]]
    let smallDecoded: [Decoded]
    let gpt2Decoded: [Decoded]

    private enum CodingKeys: String, CodingKey {
        case strings, small, gpt2
        case smallDecoded = "small_decoded"
        case gpt2Decoded = "gpt2_decoded"
    }

    static let folder = Fixtures.folder.appendingPathComponent("tokenizer")
    static let smallFolder = folder.appendingPathComponent("small")

    static func load() throws -> TokenizerFixtures {
        let data = try Data(contentsOf: folder.appendingPathComponent("cases.json"))
        return try JSONDecoder().decode(TokenizerFixtures.self, from: data)
    }
}

/// A new folder for one test's files, which the test removes.
func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

extension String {
    /// What `==` on strings does not tell apart: composed and decomposed characters.
    var scalarValues: [UInt32] { unicodeScalars.map(\.value) }
}
