import Foundation

/// The files of a Hugging Face folder, besides config and weights, that a model saved from it keeps: what its tokenizer
/// and its generation are made of. A model card stays behind: it is about other weights.
enum CompanionFiles {
    private static let tokenizer = [
        "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json",
    ]
    private static let templates = "additional_chat_templates"

    /// The companions of a model, by their paths in its folder; those of the tokenizer from the folder that has it.
    ///
    /// - Throws: ``IOIError`` naming the folder if it cannot be listed.
    static func list(of model: ModelLocation) throws -> [(name: String, file: URL)] {
        let own = try names(in: model.folder).filter { name in
            name == "generation_config.json" || (name as NSString).deletingPathExtension == "chat_template"
        }
        let more = (try? names(in: model.folder.appendingPathComponent(templates))) ?? []
        let files = (own + more.filter { $0.hasSuffix(".jinja") }.map { "\(templates)/\($0)" }).map {
            (name: $0, file: model.folder.appendingPathComponent($0))
        }
        let tokens = try names(in: model.tokenizerFolder).filter(tokenizer.contains)
        return files + tokens.map { (name: $0, file: model.tokenizerFolder.appendingPathComponent($0)) }
    }

    private static func names(in folder: URL) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        } catch {
            throw IOIError("\(folder.path): cannot be read: \(error.localizedDescription)")
        }
    }
}
