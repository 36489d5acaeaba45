import Foundation

/// Where the files lie that the tests compare with.
package enum Fixtures {
    /// The repository, in which these sources were compiled.
    package static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    package static let folder = repository.appendingPathComponent("Tests/Fixtures")
}
