import Foundation

/// A model loaded from a folder: config, weights and, if present, tokenizer.
public final class GPT2: Sendable {
    public let location: ModelLocation
    public let config: GPT2Config
    public let parameters: GPT2Parameters
    /// nil if the folder has none; prompts must then be given as token ids.
    public let tokenizer: BPETokenizer?
    /// What is unusual about the folder, to print before measuring.
    public let notes: [String]
    /// Of each file of weights.
    private let hashes: [(name: String, hash: FileHash)]

    /// - Throws: ``IOIError`` naming the file that is missing or invalid.
    public init(_ location: ModelLocation, workers: Workers) throws {
        self.location = location
        config = try GPT2Config(contentsOf: location.configFile)
        let checkpoint = try GPT2Checkpoint(contentsOf: location.weightsFile)
        guard try checkpoint.holdsHead || GPT2Config.tiesEmbeddings(location.configFile) else {
            throw IOIError(
                "\(location.configFile.path): tie_word_embeddings: found false, but no lm_head.weight in "
                    + "\(location.weightsFile.lastPathComponent), expected true"
            )
        }
        hashes = checkpoint.weights.hashes
        parameters = try GPT2Parameters(checkpoint, config: config, workers: workers).withParts(workers: workers)
        // Products read the parts alone.
        if workers.precision != .fp32 { checkpoint.giveBack() }
        let whole = try Self.tokenizer(in: location.tokenizerFolder, config: config)
        tokenizer = whole?.limited(to: config.vocabularySize)
        notes = Self.notes(checkpoint, config, whole)
    }

    private static func notes(_ checkpoint: GPT2Checkpoint, _ config: GPT2Config, _ tokenizer: BPETokenizer?)
        -> [String]
    {
        var notes: [String] = []
        let heads = checkpoint.otherHeads
        if !heads.isEmpty { notes.append("beside the language model, not used: \(heads.namedBriefly)") }
        guard let tokenizer else { return notes }
        let (count, rows) = (tokenizer.vocabularySize, config.vocabularySize)
        let added = tokenizer.addedTokens
        if !added.isEmpty { notes.append("tokens added to the vocabulary: \(added.namedBriefly)") }
        if count > rows { notes.append("added tokens without a row in the embedding: \(count - rows)") }
        if count < rows {
            notes.append("rows of the embedding without a token, which take part in probabilities: \(rows - count)")
        }
        return notes
    }

    /// The tokenizer of a folder, checked against the model's vocabulary, which added tokens may exceed.
    private static func tokenizer(in folder: URL, config: GPT2Config) throws -> BPETokenizer? {
        guard let file = BPETokenizer.file(in: folder) else { return nil }
        let tokenizer = try BPETokenizer(directory: folder)
        guard tokenizer.limited(to: config.vocabularySize) != nil else {
            throw IOIError(
                "\(file.path): \(tokenizer.vocabularySize) tokens, "
                    + "but config.json has a vocab_size of \(config.vocabularySize)"
            )
        }
        return tokenizer
    }

    /// Checks that a model's activations and weights can be compared with, or put into, this one.
    ///
    /// - Parameters:
    ///   - donor: the other model.
    ///   - role: what errors call this one.
    /// - Throws: ``IOIError`` naming the dimension in which the donor differs, or the token, of those that both have, that
    ///   is another in the donor.
    package func checkComparable(with donor: GPT2, as role: String = "the host") throws {
        try config.checkShape(of: donor.config, host: role)
        guard let tokenizer, let difference = donor.tokenizer?.difference(from: tokenizer) else { return }
        throw IOIError("the donor's vocabulary: \(difference), as in \(location.name)")
    }

    /// What the vocabularies of two comparable models do not share, in words; nil if they are of the same size.
    package func vocabularyNote(with donor: GPT2) -> String? {
        let (own, other) = (config.vocabularySize, donor.config.vocabularySize)
        guard own != other else { return nil }
        let (larger, smaller) = own > other ? (self, donor) : (donor, self)
        let more = abs(own - other)
        let names = Array(larger.tokenizer?.tokens.dropFirst(smaller.config.vocabularySize) ?? [])
        return
            "\(larger === self ? "the model" : "the donor") has \(more) more \(more == 1 ? "row" : "rows") in its vocabulary than the "
            + "\(min(own, other)) that both have" + (names.isEmpty ? "" : ": \(names.namedBriefly)")
    }

    /// How many tokens the vocabulary had before any were added; all rows without a tokenizer. Random tokens are drawn
    /// from these, so that an added or padded vocabulary changes nothing.
    package var originalTokens: Int {
        tokenizer.map { $0.added.min().map(Int.init) ?? $0.vocabularySize } ?? config.vocabularySize
    }

    /// The tokenizer, for work that needs one.
    /// - Throws: ``IOIError`` if the folder has none.
    public func requireTokenizer() throws -> BPETokenizer {
        try tokenizer ?? Self.requireTokenizer(in: location.tokenizerFolder, config: config)
    }

    /// Reads the tokenizer of a model folder without its weights.
    /// - Throws: ``IOIError`` if the folder has none, or one that does not match the config.
    public static func requireTokenizer(in folder: URL, config: GPT2Config) throws -> BPETokenizer {
        guard let tokenizer = try tokenizer(in: folder, config: config)?.limited(to: config.vocabularySize) else {
            throw IOIError(
                "\(folder.path): no tokenizer.json, nor vocab.json and merges.txt, one of which is needed to make prompts "
                    + "or to read prompts without token ids"
            )
        }
        return tokenizer
    }

    /// SHA-256 of the weights that were read, in hexadecimal, which identifies the model in results files. Of several files
    /// it is that of what `sha256sum` prints of them, in the order of their names. Large files are read for it only once:
    /// see ``beginHashing()`` and the cache folder (`$IOI_CACHE`, or `ioi` in `$XDG_CACHE_HOME` or `~/.cache`).
    ///
    /// - Throws: ``IOIError`` if a file cannot be read, or was written to since.
    public func sha256() throws -> String { try SafetensorsSet.sha256(of: hashes) }

    /// Starts to compute ``sha256()`` on another thread, for work that will need it.
    public func beginHashing() { for file in hashes { file.hash.begin() } }

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

    /// Writes `parameters` into `folder`, with the config and the companion files of the model `original`.
    ///
    /// - Returns: SHA-256 of the weights file.
    @discardableResult
    package static func write(_ parameters: GPT2Parameters, like original: ModelLocation, to folder: URL) throws
        -> String
    {
        let config = try InputFile.readText(original.configFile)
        try AtomicFile.write(
            try parameters.config.json(basedOn: config), to: folder.appendingPathComponent("config.json")
        )
        for companion in try CompanionFiles.list(of: original) {
            let target = folder.appendingPathComponent(companion.name)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true
            )
            try AtomicFile.write(try InputFile.read(companion.file), to: target)
        }
        return try writeWeights(parameters, to: folder)
    }

    @discardableResult
    private static func writeWeights(_ parameters: GPT2Parameters, to folder: URL) throws -> String {
        try SafetensorsWriter.write(parameters.tensors(), to: folder.appendingPathComponent("model.safetensors"))
    }
}

extension [String] {
    /// The first five, quoted, since they come from files.
    fileprivate var namedBriefly: String {
        prefix(5).map(\.quoted).joined(separator: ", ") + (count > 5 ? " and \(count - 5) more" : "")
    }
}
