import Foundation

/// The folder of a model, with at least `config.json` and `model.safetensors`.
public struct ModelLocation: Sendable, Equatable {
    /// The model's name in reports: the published name, `embedded`, or the name of its folder.
    public let name: String
    public let folder: URL

    public var configFile: URL { folder.appendingPathComponent("config.json") }
    public var weightsFile: URL { folder.appendingPathComponent("model.safetensors") }
    /// Where a model folder keeps the model's own circuit.
    public var circuitFile: URL { folder.appendingPathComponent("circuit.json") }

    static let noteField = "ioi_note"
    /// A remark to print before measuring on the model, from `ioi_note` in its `config.json`. Models fine-tuned from it
    /// inherit the note.
    public var note: String? {
        let json = (try? InputFile.read(configFile)).flatMap { try? JSONSerialization.jsonObject(with: $0) }
        return (json as? [String: Any])?[Self.noteField] as? String
    }

    /// Whether this is the published GPT-2 small, judged by its name or its place in Hugging Face's cache.
    package var isGPT2Small: Bool {
        name == "gpt2"
            || !Set(folder.pathComponents).isDisjoint(with: ["models--gpt2", "models--openai-community--gpt2"])
    }

    /// Finds a model by name or folder.
    ///
    /// A path, or a folder with a `config.json`, is used directly. `embedded` is the model in the data folder. Other
    /// names are searched for in `$IOI_MODELS/NAME` and the package's `models/NAME`, the published GPT-2 models also in
    /// Hugging Face's cache.
    /// - Parameters:
    ///   - argument: the name or folder; nil for `gpt2` if it is found, else `embedded`.
    ///   - dataFolder: the folder with the embedded model.
    ///   - packageFolder: contains `models`, where `Scripts/fetch-gpt2.sh` puts them.
    ///   - environment: `IOI_MODELS`, and the variables that set the place of Hugging Face's cache.
    ///   - home: the user's home folder.
    /// - Throws: ``IOIError`` listing the places searched, or naming what the folder found lacks.
    public static func find(
        _ argument: String?,
        dataFolder: URL? = try? DataDirectory.url(),
        packageFolder: URL = sourcePackage,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        home: URL = FileManager.default.homeDirectoryForCurrentUser
    ) throws -> ModelLocation {
        let search = ModelSearch(
            dataFolder: dataFolder, packageFolder: packageFolder, environment: environment, home: home
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

    /// - Parameters:
    ///   - name: nil for the name of the folder.
    ///   - folder: the folder.
    /// - Throws: ``IOIError`` naming the folder and what it lacks.
    public init(name: String? = nil, folder: URL) throws {
        let folder = folder.standardizedFileURL
        self.name = name ?? folder.lastPathComponent
        self.folder = folder

        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
            throw IOIError("\(folder.path): found nothing, expected a model folder")
        }
        guard isFolder.boolValue else {
            throw IOIError("\(folder.path): found a file, expected a model folder")
        }
        func holds(_ file: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
        }
        guard holds("config.json") else {
            throw IOIError("\(folder.path): found no config.json, expected a model folder")
        }
        guard !holds("model.safetensors") else { return }
        if holds("model.safetensors.index.json") {
            throw IOIError(
                "\(folder.path): found weights split over several files (model.safetensors.index.json), expected "
                    + "one model.safetensors: save the model again with a greater max_shard_size"
            )
        }
        if holds("pytorch_model.bin") || holds("pytorch_model.bin.index.json") {
            throw IOIError(
                "\(folder.path): found pytorch_model.bin alone, expected model.safetensors: save the model again with "
                    + "safe_serialization=True"
            )
        }
        throw IOIError("\(folder.path): found no model.safetensors, expected a model folder")
    }
}
