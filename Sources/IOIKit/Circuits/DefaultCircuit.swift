import Foundation

/// The circuit that belongs to a model: its own, that of the embedded model, or the published one of GPT-2 small (Wang et
/// al. 2211.00593, section 3) for every model with its layers and heads.
public struct DefaultCircuit: Sendable {
    public let file: URL
    /// Whether the circuit was chosen by the shape of the model alone, which is right only for the weights of GPT-2 small.
    private let isByShape: Bool

    /// - Parameters:
    ///   - location: the model's.
    ///   - config: the shape of the model.
    public init?(of location: ModelLocation, _ config: GPT2Config) {
        if FileManager.default.fileExists(atPath: location.circuitFile.path) {
            (file, isByShape) = (location.circuitFile, false)
        } else if location.folder == (try? DataDirectory.file("embedded").standardizedFileURL),
            let file = try? DataDirectory.file("circuits/embedded.json")
        {
            (self.file, isByShape) = (file, false)
        } else if config.layers == 12, config.heads == 12,
            let file = try? DataDirectory.file("circuits/gpt2-small.json")
        {
            (self.file, isByShape) = (file, true)
        } else {
            return nil
        }
    }

    /// Whether the circuit is that of other weights, taken because of the shape of the model alone.
    ///
    /// - Parameter sha256: the hash of the model's weights, needed only if its shape decided.
    public func isBorrowed(by sha256: @autoclosure () throws -> String) rethrows -> Bool {
        guard isByShape else { return false }
        return try Self.publishedWeights != sha256()
    }

    /// The hash of GPT-2 small's weights, as `Data/checks.json` has it.
    private static let publishedWeights: String? = {
        struct Known: Decodable { let sha256: String? }
        let all = try? InputFile.decode([String: Known].self, from: DataDirectory.file("checks.json"))
        return all?["gpt2"]?.sha256
    }()

    /// What to say of a borrowed circuit.
    public static let note =
        "circuit gpt2-small: published for GPT-2 small, taken because this model has 12 layers of 12 heads"
}
