import Foundation

extension DataDirectory {
    /// The circuit that belongs to a model: `circuit.json` in its folder, or that of GPT-2 small (Wang et al. 2022) for
    /// the published weights, or the embedded model's; nil where there is none.
    public static func circuit(of location: ModelLocation) -> URL? {
        let own = location.circuitFile
        if FileManager.default.fileExists(atPath: own.path) { return own }
        if location.isGPT2Small { return try? file("circuits/gpt2-small.json") }
        let isEmbedded = location.folder == (try? file("embedded").standardizedFileURL)
        return isEmbedded ? try? file("circuits/embedded.json") : nil
    }
}
