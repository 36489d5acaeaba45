import Foundation

/// The places searched for models, in order.
struct ModelSearch {
    let dataFolder: URL?
    let packageFolder: URL
    let environment: [String: String]
    let home: URL

    /// The published models and their other names, as arguments and as folders.
    private static let published: [(name: String, others: [String])] = [
        ("gpt2", ["gpt2-small", "small"]),
        ("gpt2-medium", ["medium"]),
        ("gpt2-large", ["large"]),
        ("gpt2-xl", ["xl"]),
    ]

    func byDefault() throws -> ModelLocation {
        var problem: (any Error)?
        do {
            if let location = try find("gpt2", inPlaces: places(of: "gpt2")) { return location }
        } catch {
            problem = error
        }
        if let location = try? embedded() { return location }
        if let problem { throw problem }
        let embeddedPlace = dataFolder.map { Self.embeddedFolder(in: $0).path } ?? "a data folder (there is none)"
        throw IOIError(
            "no model found: looked for gpt2 in \(Self.list(places(of: "gpt2"))) and for the embedded model in "
                + "\(embeddedPlace); run Scripts/fetch-gpt2.sh or give the model's folder"
        )
    }

    func find(_ argument: String) throws -> ModelLocation {
        let folder = URL(fileURLWithPath: argument)
        let isModelFolder = FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path)
        guard !argument.isEmpty else {
            throw IOIError.invalid("model", "found an empty name, expected a model's name or folder")
        }
        if argument.contains("/") || argument.hasPrefix(".") || isModelFolder {
            return try ModelLocation(folder: folder)
        }
        if argument == "embedded" { return try embedded() }
        let known = Self.published.first { $0.name == argument || $0.others.contains(argument) }
        let name = known?.name ?? argument
        let places = places(of: name)
        if let location = try find(name, inPlaces: places) { return location }
        guard known != nil else {
            let names = Self.published.map(\.name).joined(separator: ", ")
            throw IOIError.invalid(
                "model",
                "found \(argument.quoted), expected a model's folder, embedded, \(names), or a folder's name in "
                    + Self.list(places.map { $0.deletingLastPathComponent() })
            )
        }
        throw IOIError(
            "model \(argument): not found; looked in \(Self.list(places)); run Scripts/fetch-gpt2.sh "
                + "\(name == "gpt2" ? "small" : String(name.dropFirst(5))) or give the model's folder"
        )
    }

    /// The model of a name, in places that do not depend on the working directory.
    func named(_ name: String) -> ModelLocation? {
        name == "embedded" ? try? embedded() : try? find(name, inPlaces: places(of: name))
    }

    /// The first usable folder; if there is none, throws the error of the first unusable one.
    private func find(_ name: String, inPlaces places: [URL]) throws -> ModelLocation? {
        var problem: (any Error)?
        for place in places where FileManager.default.fileExists(atPath: place.path) {
            do {
                let folder =
                    place.lastPathComponent.hasPrefix("models--") ? try Self.snapshot(in: place) : place
                return try ModelLocation(name: name, folder: folder)
            } catch {
                problem = problem ?? error
            }
        }
        if let problem { throw problem }
        return nil
    }

    private func embedded() throws -> ModelLocation {
        guard let dataFolder else {
            throw IOIError("model embedded: found no data folder, expected one with an embedded model")
        }
        return try ModelLocation(name: "embedded", folder: Self.embeddedFolder(in: dataFolder))
    }

    private static func embeddedFolder(in dataFolder: URL) -> URL {
        dataFolder.appendingPathComponent("embedded")
    }

    private func places(of name: String) -> [URL] {
        let known = Self.published.first { $0.name == name }
        // `small` and the like are not names of folders.
        let names = [name] + (known?.others.filter { $0.hasPrefix("gpt2") } ?? [])
        let own = roots.flatMap { folder in names.map { folder.appendingPathComponent($0) } }
        guard known != nil else { return own }
        return own
            + ["models--\(name)", "models--openai-community--\(name)"].map { hub.appendingPathComponent($0) }
    }

    /// The folders of models.
    var roots: [URL] { [variable("IOI_MODELS"), packageFolder.appendingPathComponent("models")].compactMap { $0 } }

    private func variable(_ name: String) -> URL? {
        environment[name].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
    }

    /// Hugging Face's cache, located as `huggingface_hub` does.
    private var hub: URL {
        if let cache = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE") { return cache }
        if let own = variable("HF_HOME") { return own.appendingPathComponent("hub") }
        let caches = variable("XDG_CACHE_HOME") ?? home.appendingPathComponent(".cache")
        return caches.appendingPathComponent("huggingface/hub")
    }

    /// The snapshot to use of a model in Hugging Face's cache: that of `main` if complete, else the newest complete one.
    private static func snapshot(in model: URL) throws -> URL {
        let snapshots = model.appendingPathComponent("snapshots")
        let main = (try? InputFile.read(model.appendingPathComponent("refs/main"), limit: 1000)).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        if let main, !main.isEmpty {
            let folder = snapshots.appendingPathComponent(main)
            if (try? ModelLocation(folder: folder)) != nil { return folder }
        }
        let all = try? FileManager.default.contentsOfDirectory(
            at: snapshots, includingPropertiesForKeys: [.contentModificationDateKey]
        )
        let newestFirst = (all ?? []).map { folder in
            let values = try? folder.resourceValues(forKeys: [.contentModificationDateKey])
            return (folder: folder, date: values?.contentModificationDate ?? .distantPast)
        }.sorted { ($0.date, $0.folder.path) > ($1.date, $1.folder.path) }.map(\.folder)
        guard let newest = newestFirst.first else {
            throw IOIError("\(model.path): found no snapshot, expected a model that Hugging Face cached")
        }
        return newestFirst.first { (try? ModelLocation(folder: $0)) != nil } ?? newest
    }

    private static func list(_ places: [URL]) -> String {
        places.map(\.path).joined(separator: ", ")
    }
}
