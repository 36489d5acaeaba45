import Foundation

/// A model loaded from a folder: config, weights and, if present, tokenizer.
public final class GPT2: Sendable {
    public let location: ModelLocation
    public let config: GPT2Config
    public let parameters: GPT2Parameters
    /// nil if the folder has none; prompts must then be given as token ids.
    public let tokenizer: BPETokenizer?
    private let hash: FileHash

    /// - Throws: ``IOIError`` naming the file that is missing or invalid.
    public init(_ location: ModelLocation, workers: Workers) throws {
        self.location = location
        config = try GPT2Config(contentsOf: location.configFile)
        let weights = try SafetensorsFile(contentsOf: location.weightsFile)
        hash = weights.hash
        parameters = try GPT2Parameters(weights, config: config, workers: workers)
            .withParts(workers: workers)
        tokenizer = try Self.tokenizer(in: location.folder, config: config)
    }

    /// The tokenizer of a model folder, checked against the model's vocabulary.
    static func tokenizer(in folder: URL, config: GPT2Config) throws -> BPETokenizer? {
        let files = ["vocab.json", "merges.txt"].map { folder.appendingPathComponent($0) }
        let present = files.filter { FileManager.default.fileExists(atPath: $0.path) }
        guard !present.isEmpty else { return nil }
        let tokenizer = try BPETokenizer(directory: folder)
        guard tokenizer.vocabularySize <= config.vocabularySize else {
            throw IOIError(
                "\(files[0].path): \(tokenizer.vocabularySize) tokens, "
                    + "but config.json has a vocab_size of \(config.vocabularySize)"
            )
        }
        return tokenizer
    }

    /// The tokenizer, for work that needs one.
    /// - Throws: ``IOIError`` if the folder has none.
    public func requireTokenizer() throws -> BPETokenizer {
        try tokenizer ?? Self.requireTokenizer(in: location.folder, config: config)
    }

    /// Reads the tokenizer of a model folder without its weights.
    /// - Throws: ``IOIError`` if the folder has none, or one that does not match the config.
    public static func requireTokenizer(in folder: URL, config: GPT2Config) throws -> BPETokenizer {
        guard let tokenizer = try tokenizer(in: folder, config: config) else {
            throw IOIError(
                "\(folder.path): no vocab.json and merges.txt, "
                    + "which are needed to make prompts or to read prompts without token ids"
            )
        }
        return tokenizer
    }

    /// SHA-256 of the weights file that was read, in hexadecimal, which identifies the model in results files. Large files are read for
    /// it only once: see ``beginHashing()`` and the cache folder (`$IOI_CACHE`, or `ioi` in `$XDG_CACHE_HOME` or
    /// `~/.cache`).
    ///
    /// - Throws: ``IOIError`` if the file cannot be read, or was written to since.
    public func sha256() throws -> String { try hash.value() }

    /// Starts to compute ``sha256()`` on another thread, for work that will need it.
    public func beginHashing() { hash.begin() }

    /// Writes a model folder that Hugging Face's `transformers` loads.
    /// - Parameters:
    ///   - note: see ``ModelLocation/note``.
    ///   - folder: the folder.
    ///   - tokenizer: the tokenizer of the prompts.
    ///   - parameters: the parameters of the model.
    /// - Throws: ``IOIError`` if the folder exists or cannot be written. Nothing is left behind then.
    public static func write(
        _ parameters: GPT2Parameters,
        tokenizer: BPETokenizer,
        note: String? = nil,
        to folder: URL
    ) throws {
        try AtomicFolder.create(at: folder) { folder in
            try AtomicFile.write(
                try parameters.config.json(endOfText: tokenizer.endOfText, note: note),
                to: folder.appendingPathComponent("config.json")
            )
            try tokenizer.write(to: folder)
            try writeWeights(parameters, to: folder)
        }
    }

    /// Writes `parameters` into `folder`, with the config and tokenizer files of the model folder `original`.
    ///
    /// - Returns: SHA-256 of the weights file.
    @discardableResult
    package static func write(_ parameters: GPT2Parameters, like original: URL, to folder: URL) throws -> String {
        let config = try InputFile.read(original.appendingPathComponent("config.json"))
        try AtomicFile.write(
            try parameters.config.json(basedOn: config), to: folder.appendingPathComponent("config.json")
        )
        for name in companions {
            let source = original.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: source.path) else { continue }
            try AtomicFile.write(try InputFile.read(source), to: folder.appendingPathComponent(name))
        }
        return try writeWeights(parameters, to: folder)
    }

    @discardableResult
    private static func writeWeights(_ parameters: GPT2Parameters, to folder: URL) throws -> String {
        try SafetensorsWriter.write(parameters.tensors(), to: folder.appendingPathComponent("model.safetensors"))
    }

    /// The files of a Hugging Face folder, besides config and weights, that a saved model keeps.
    private static let companions = [
        "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "generation_config.json",
    ]
}
