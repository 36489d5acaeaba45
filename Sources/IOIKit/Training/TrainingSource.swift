import Foundation

/// What a run trains on.
public enum TrainingSource: Equatable, Sendable {
    /// Prompts with their answers. As a text, one per line.
    case prompts(PromptSource)
    /// Text files.
    case text(TextSource)

    /// The name of the file or folder, or of the dataset.
    public var name: String {
        switch self {
        case .prompts(let prompts): prompts.name
        case .text(let text): text.name
        }
    }

    /// Adapts a recipe's settings to the data: the plain recipe cuts a text, which has no prompts, into blocks.
    ///
    /// - Parameters:
    ///   - settings: those of the recipe.
    ///   - context: the model's greatest length in tokens, which no block exceeds.
    public func complete(_ settings: inout TrainingSettings, context: Int) {
        if case .text = self, settings.examples == .prompts {
            settings.examples = .blocks(of: 128)
            settings.loss = .all
        }
        if let length = settings.examples.length {
            settings.examples = settings.examples.with(length: min(length, context))
        }
    }

    /// - Throws: `IOIError` of the first field that is out of range, unknown or without effect.
    func validate(as form: ExampleForm) throws {
        switch self {
        case .prompts(let prompts):
            try IOIError.scoped("prompts", prompts.validate)
            if form != .prompts, prompts.beginningOfText {
                throw IOIError.invalid("prompts.bos", "has no effect on \(form.noun) of the prompts' text")
            }
        case .text:
            guard form != .prompts else {
                throw IOIError.invalid("examples", "found prompts, expected blocks or lines of the text")
            }
        }
    }

    /// The examples of a run on `model`.
    ///
    /// - Throws: `IOIError` if the data cannot be read or made, do not fit the model or are too few.
    func data(for model: GPT2, as form: ExampleForm) throws -> TrainingData {
        if let length = form.length { try IOIError.check("block", length, in: 2...model.config.contextLength) }
        switch self {
        case .prompts(let source):
            let prompts = try source.data(for: model)
            guard form != .prompts else { return TrainingData(prompts) }
            let text = prompts.lines.joined(separator: "\n") + "\n"
            var data = try TrainingData(
                [text], name: prompts.name, seed: prompts.seed, from: "the prompts", as: form, for: model
            )
            data.record.dropped = prompts.dropped
            data.record.irregular = DatasetRecord(prompts).irregular
            (data.irregular, data.idle) = (prompts.irregular, prompts.idle)
            return data
        case .text(let source):
            return try TrainingData(
                source.read(), name: source.name, seed: nil, from: source.paths.joined(separator: ", "), as: form,
                for: model
            )
        }
    }
}

/// Text files to train on.
public struct TextSource: Codable, Equatable, Sendable {
    /// Files and folders. Of a folder, all files ending in `.txt` are read, in the order of their paths.
    public var paths: [String]

    public init(paths: [String]) { self.paths = paths }

    /// The name of the only file or folder, or of the first.
    public var name: String {
        paths.first.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? "text"
    }

    /// The text of each file.
    ///
    /// - Throws: `IOIError` that names what cannot be read, is not UTF-8 or holds no text.
    func read() throws -> [String] {
        try paths.flatMap(files).map { file in
            guard let text = String(validating: try InputFile.read(file, limit: .max), as: UTF8.self) else {
                throw IOIError("\(file.path): found bytes that are not UTF-8, expected a text file")
            }
            guard !text.isEmpty else { throw IOIError("\(file.path): found an empty file, expected text") }
            return text
        }
    }

    private func files(of path: String) throws -> [URL] {
        let url = URL(fileURLWithPath: path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return [url]
        }
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        let texts = names.filter { $0.hasSuffix(".txt") }.sorted()
        guard !texts.isEmpty else { throw IOIError("\(path): found no file that ends in .txt") }
        return texts.map { url.appendingPathComponent($0) }
    }
}
