import Foundation

/// The first names used in prompts.
public struct NameList: Equatable, Sendable {
    /// Without leading spaces.
    public let names: [String]
    /// The file, for error messages.
    public let source: String

    /// The names of `Data/names.txt`.
    public static func standard() throws -> NameList {
        try NameList(contentsOf: DataDirectory.file("names.txt"))
    }

    /// Reads a text file with one name per line; empty lines are ignored.
    ///
    /// - Throws: `IOIError` if the file cannot be read, a name repeats or there are fewer than three.
    public init(contentsOf file: URL) throws {
        guard let text = String(data: try InputFile.read(file), encoding: .utf8) else {
            throw IOIError("\(file.path): not UTF-8 text; expected one name a line")
        }
        let names = text.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        try self.init(names, source: file.path)
    }

    /// - Parameters:
    ///   - names: at least three, all different, without leading spaces.
    ///   - source: where they come from, for error messages.
    /// - Throws: `IOIError` if a name repeats or there are fewer than three.
    public init(_ names: [String], source: String) throws {
        if let twice = names.firstRepeated() {
            throw IOIError("\(source): found name \"\(twice)\" twice, expected each once")
        }
        guard names.count >= 3 else {
            throw IOIError("\(source): found \(names.count) names, expected at least 3 (IO, S and a third)")
        }
        self.names = names
        self.source = source
    }
}

/// The pairs of names for training and the tenth that is held out.
///
/// The split depends on the names alone, not on a seed or their order in the file, so that it is the same in all datasets
/// made with these names.
struct NamePairs: Sendable {
    struct Pair: Equatable, Sendable {
        /// Indices into the list of names.
        let first: Int
        let second: Int
    }

    let training: [Pair]
    let heldOut: [Pair]

    /// - Parameter names: at least three.
    init(_ names: [String]) {
        let alphabetical = names.indices.sorted { names[$0] < names[$1] }
        var ranked: [(rank: UInt64, pair: Pair)] = []
        for (place, first) in alphabetical.enumerated() {
            for second in alphabetical[(place + 1)...] {
                var hash = SeededGenerator(0, "name pair: \(names[first]), \(names[second])")
                ranked.append((hash.next(), Pair(first: first, second: second)))
            }
        }
        let order = ranked.indices.sorted { (ranked[$0].rank, $0) < (ranked[$1].rank, $1) }
        let pairs = order.map { ranked[$0].pair }
        let heldOutCount = max(1, pairs.count / 10)
        heldOut = Array(pairs[..<heldOutCount])
        training = Array(pairs[heldOutCount...])
    }
}
