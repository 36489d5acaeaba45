import Foundation

/// The folder of a model, with at least `config.json` and weights: `model.safetensors`, or several files and their index.
public struct ModelLocation: Sendable, Equatable {
    /// What a folder has to hold besides `config.json`.
    public enum Need: Sendable {
        case weights
        /// Without weights, as in a cache that only a tokenizer was fetched to.
        case tokenizer
    }

    /// The model's name in reports: the published name, `embedded`, `owner/name` of another repository in Hugging Face's
    /// cache, or the name of its folder.
    public let name: String
    public let folder: URL
    /// The folder of the fine-tuning run that was named, whose newest checkpoint this is; nil for any other model.
    package var run: URL?
    /// A folder whose tokenizer is used, for a model that has none; nil for the model's own.
    public private(set) var otherTokenizer: URL?

    /// The folder that the tokenizer is read from.
    public var tokenizerFolder: URL { otherTokenizer ?? folder }

    public var configFile: URL { folder.appendingPathComponent("config.json") }
    /// `model.safetensors`, or the index of several files.
    public var weightsFile: URL {
        let file = folder.appendingPathComponent("model.safetensors")
        let index = folder.appendingPathComponent("model.safetensors.index.json")
        let manager = FileManager.default
        return !manager.fileExists(atPath: file.path) && manager.fileExists(atPath: index.path) ? index : file
    }
    /// Where a model folder keeps the model's own circuit.
    public var circuitFile: URL { folder.appendingPathComponent("circuit.json") }

    static let noteField = "ioi_note"
    /// A remark to print before measuring on the model, from `ioi_note` in its `config.json`. Models fine-tuned from it
    /// inherit the note.
    public var note: String? {
        let json = (try? InputFile.read(configFile)).flatMap { try? JSONSerialization.jsonObject(with: $0) }
        return (json as? [String: Any])?[Self.noteField] as? String
    }

    /// Whether this is called GPT-2 small, by its name or its place in Hugging Face's cache. Its weights may be others.
    package var isCalledGPT2Small: Bool {
        name == "gpt2"
            || !Set(folder.pathComponents).isDisjoint(with: ["models--gpt2", "models--openai-community--gpt2"])
    }

    /// Finds a model by name or folder.
    ///
    /// A path, or a folder with a `config.json`, is used directly. `embedded` is the model in the data folder. Other
    /// names, with or without the owner of a repository of the Hugging Face hub, are searched for in `$IOI_MODELS/NAME`,
    /// the package's `models/NAME` and Hugging Face's cache. Of several folders the first with weights and tokenizer counts,
    /// or else the first that holds what is needed.
    /// - Parameters:
    ///   - argument: the name or folder; nil for `gpt2` if it is found, else `embedded`.
    ///   - need: what the folder has to hold.
    ///   - dataFolder: the folder with the embedded model.
    ///   - packageFolder: contains `models`, where `Scripts/fetch-gpt2.sh` puts them.
    ///   - environment: `IOI_MODELS`, and the variables that set the place of Hugging Face's cache.
    ///   - home: the user's home folder.
    /// - Throws: ``IOIError`` listing the places searched, or naming what the folder found lacks.
    public static func find(
        _ argument: String?,
        needing need: Need = .weights,
        dataFolder: URL? = try? DataDirectory.url(),
        packageFolder: URL = sourcePackage,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        home: URL = FileManager.default.homeDirectoryForCurrentUser
    ) throws -> ModelLocation {
        let search = ModelSearch(
            dataFolder: dataFolder, packageFolder: packageFolder, environment: environment, home: home, need: need
        )
        guard let argument else { return try search.byDefault() }
        return try search.find(argument)
    }

    /// The model that a name alone finds, from any working directory; nil if there is none.
    package static func named(_ name: String) -> ModelLocation? {
        ModelSearch(
            dataFolder: try? DataDirectory.url(), packageFolder: sourcePackage,
            environment: ProcessInfo.processInfo.environment, home: FileManager.default.homeDirectoryForCurrentUser
        ).named(name)
    }

    /// Every model that is found: the embedded one, those in the folders of models and those in Hugging Face's cache. Each
    /// has the name that commonly finds it, though a folder that is searched earlier may hold another of that name.
    ///
    /// - Returns: the models, and what is wrong with the other folders of models. Hugging Face's cache may hold anything,
    ///   so what is no GPT-2 there is passed over.
    public static func all(
        dataFolder: URL? = try? DataDirectory.url(),
        packageFolder: URL = sourcePackage,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        home: URL = FileManager.default.homeDirectoryForCurrentUser
    ) -> (models: [ModelLocation], problems: [IOIError]) {
        ModelSearch(dataFolder: dataFolder, packageFolder: packageFolder, environment: environment, home: home).all()
    }

    /// The folders in which models, and other files that scripts fetch, are searched for.
    package static func roots(environment: [String: String], packageFolder: URL) -> [URL] {
        ModelSearch(
            dataFolder: nil, packageFolder: packageFolder, environment: environment,
            home: FileManager.default.homeDirectoryForCurrentUser
        ).roots
    }

    /// The package this source file was compiled in.
    public static let sourcePackage = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
        url.deletingLastPathComponent()
    }

    /// The size of the weights, in bytes.
    ///
    /// - Throws: ``IOIError`` if an index cannot be read.
    package var bytes: Int {
        get throws {
            try SafetensorsSet.files(of: weightsFile).reduce(0) { $0 + Int(FileState(at: $1)?.size ?? 0) }
        }
    }

    /// Whether the folder has a tokenizer.
    package var hasTokenizer: Bool { BPETokenizer.file(in: folder) != nil }

    /// The model with the tokenizer of another folder.
    ///
    /// - Parameter tokenizer: nil for the model's own.
    /// - Throws: ``IOIError`` for `tokenizer` if the model has its own, or `tokenizer` holds none.
    public func with(tokenizer: URL?) throws -> ModelLocation {
        guard let tokenizer else { return self }
        let other = tokenizer.standardizedFileURL
        if let own = BPETokenizer.file(in: folder) {
            throw IOIError.invalid(
                "tokenizer", "found \(other.path), expected none: the model has its own, \(own.path)")
        }
        guard BPETokenizer.file(in: other) != nil else {
            throw IOIError.invalid(
                "tokenizer",
                "found no tokenizer in \(other.path), expected tokenizer.json, or vocab.json and merges.txt"
            )
        }
        var location = self
        location.otherTokenizer = other
        return location
    }

    /// - Parameters:
    ///   - name: nil for the name of the folder.
    ///   - folder: the folder.
    ///   - need: what it has to hold.
    /// - Throws: ``IOIError`` naming the folder and what it lacks.
    public init(name: String? = nil, folder: URL, needing need: Need = .weights) throws {
        let folder = folder.standardizedFileURL
        self.name = name ?? folder.lastPathComponent
        self.folder = folder

        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
            throw IOIError("\(folder.path): found nothing, expected a model folder")
        }
        guard isFolder.boolValue else {
            throw IOIError("\(folder.path): found a file, expected the folder of a model")
        }
        guard need == .weights else {
            guard holds("config.json") else {
                throw IOIError("\(folder.path): found no config.json, expected a model folder")
            }
            guard holdsTokenizer else {
                throw IOIError(
                    "\(folder.path): found no tokenizer, expected vocab.json and merges.txt or tokenizer.json")
            }
            return
        }
        try ForeignModel.refuse(in: folder)
    }

    private func holds(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
    }

    private var holdsTokenizer: Bool { holds("tokenizer.json") || holds("vocab.json") && holds("merges.txt") }

    /// Whether there are weights and a tokenizer.
    var isWhole: Bool { holdsTokenizer && (try? ModelLocation(folder: folder)) != nil }
}
