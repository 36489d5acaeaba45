import Foundation

/// Where the files lie that the tests compare with.
package enum Fixtures {
    /// The repository, in which these sources were compiled.
    package static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    package static let folder = repository.appendingPathComponent("Tests/Fixtures")

    /// The folder of the files that the paper's authors published, which the repository does not hold; nil if it is not
    /// on this machine.
    package static let publishedData = outside("IOI_PUBLISHED_DATA", or: "published")
    /// The folder of GPT-2's vocab.json and merges.txt, likewise.
    package static let gpt2Tokenizer = outside("IOI_GPT2_TOKENIZER", or: "gpt2-tokenizer")

    /// The folder that an environment variable names, else one in `shared` beside the repository.
    private static func outside(_ variable: String, or name: String) -> URL? {
        if let path = ProcessInfo.processInfo.environment[variable] { return URL(fileURLWithPath: path) }
        let folder = repository.deletingLastPathComponent().appendingPathComponent("shared/\(name)")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }
}
