import Foundation

/// The sentences that Chhabra et al. (2503.01896) fine-tuned on. Their files are no part of this package:
/// `Scripts/fetch-paper-data.sh` fetches them.
public enum PublishedDataset: String, CaseIterable, Sendable {
    case clean = "published-clean"
    case nameMoving = "published-name-moving"
    case subjectDuplication = "published-subject-duplication"
    case duplication = "published-duplication"

    /// The name of its file.
    public var file: String {
        switch self {
        case .clean: "IOIDatasetv2.0.txt"
        case .nameMoving: "corrIOIname.txt"
        case .subjectDuplication: "corrIOInoio.txt"
        case .duplication: "corrIOIDupe.txt"
        }
    }

    /// The hash of its file.
    public var sha256: String {
        switch self {
        case .clean: "0cfdf48e789c1b11d604e343d317587411c2c5bb4982838b206cd3e7d6c3e2ed"
        case .nameMoving: "d2c3c778bd40a3615e8e46411cb70546d20140576a626eaa7f6d9f2f16bf0029"
        case .subjectDuplication: "15e5c801e1ed198b4dd07d5f2e98147a640ad970550e5c90fe12367cda8b587b"
        case .duplication: "0f5754f1e3b7301ddcab2b34eaadb0263a7e605b88737932d5f21f42c83416fe"
        }
    }

    /// Finds its file: in the folder named by the environment variable `IOI_PAPER_DATA`, or else in `paper-data` beside the
    /// models.
    ///
    /// - Parameters:
    ///   - environment: `IOI_PAPER_DATA` and `IOI_MODELS`.
    ///   - packageFolder: contains `models`, where the script puts the files.
    /// - Throws: `IOIError` naming what was looked for.
    func url(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        packageFolder: URL = ModelLocation.sourcePackage
    ) throws -> URL {
        let own = environment["IOI_PAPER_DATA"].flatMap { $0.isEmpty ? nil : [URL(fileURLWithPath: $0)] }
        let folders =
            own
            ?? ModelLocation.roots(environment: environment, packageFolder: packageFolder)
            .map { $0.appendingPathComponent("paper-data") }
        let places = folders.map { $0.appendingPathComponent(file) }
        if let place = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) { return place }
        throw IOIError(
            "dataset \(rawValue): not found; looked for \(places.map(\.path).joined(separator: ", ")); run "
                + "Scripts/fetch-paper-data.sh or set IOI_PAPER_DATA to the folder of the files"
        )
    }

    /// The prompts of its sentences, or of some of them.
    ///
    /// - Parameters:
    ///   - file: its file.
    ///   - count: the greatest number of prompts. Fewer than the file has are drawn at random and stay in its order.
    ///   - seed: the seed of the draw. The prompts drawn with one seed include those of any lesser count.
    ///   - reader: makes the prompts of the sentences.
    /// - Throws: `IOIError` if the file is not the published one, or the tokenizer does not allow the prompts.
    func dataset(from file: URL, count: Int, seed: UInt64, reader: SentenceReader) throws -> IOIDataset {
        let bytes = try InputFile.read(file)
        let found = Digest.sha256(of: bytes)
        guard found == sha256 else {
            throw IOIError(
                "\(file.path): found SHA-256 \(found), expected \(sha256), that of the published file; "
                    + "Scripts/fetch-paper-data.sh fetches it again"
            )
        }
        return try reader.dataset(bytes, path: file.path, name: rawValue) {
            Self.sample(count, of: $0, seed: seed)
        }
    }

    /// Indices below `total`, ascending: `count` of them at random, or all if there are no more.
    static func sample(_ count: Int, of total: Int, seed: UInt64) -> [Int] {
        guard count < total else { return Array(0..<total) }
        var generator = SeededGenerator(seed, "published prompts")
        var indices = Array(0..<total)
        for place in 0..<count { indices.swapAt(place, place + generator.below(total - place)) }
        return indices[..<count].sorted()
    }
}
