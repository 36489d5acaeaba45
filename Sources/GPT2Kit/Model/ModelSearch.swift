import Foundation

/// The places searched for models, in order.
struct ModelSearch {
    let dataFolder: URL?
    let packageFolder: URL
    let environment: [String: String]
    let home: URL
    /// What a folder has to hold.
    var need = ModelLocation.Need.weights

    /// A model with a name of its own.
    private struct Published {
        let name: String
        /// Whose repository on the Hugging Face hub has it.
        let owner: String
        var others: [String] = []
        /// What `Scripts/fetch-gpt2.sh` calls it, if it fetches it.
        var size: String?

        /// What its folder may be called, which `small` and the like are not.
        var folders: [String] { [name] + others.filter { $0.hasPrefix("gpt2") } }

        /// The error for a model that is nowhere ends with this.
        var way: String {
            // An installed program may be far from its scripts.
            let script = ModelLocation.sourcePackage.appendingPathComponent("Scripts/fetch-gpt2.sh")
            guard let size, FileManager.default.fileExists(atPath: script.path) else {
                return "put \(owner)/\(name) into Hugging Face's cache"
            }
            return "run Scripts/fetch-gpt2.sh \(size)"
        }
    }

    private static let published = [
        Published(name: "gpt2", owner: "openai-community", others: ["gpt2-small", "small"], size: "small"),
        Published(name: "gpt2-medium", owner: "openai-community", others: ["medium"], size: "medium"),
        Published(name: "gpt2-large", owner: "openai-community", others: ["large"], size: "large"),
        Published(name: "gpt2-xl", owner: "openai-community", others: ["xl"], size: "xl"),
        Published(name: "distilgpt2", owner: "distilbert"),
    ]

    func byDefault() throws -> ModelLocation {
        var problem: (any Error)?
        do {
            // With weights in any case, so that every command takes the same.
            var search = self
            search.need = .weights
            if let location = try search.find("gpt2", inPlaces: places(of: "gpt2")) { return location }
        } catch {
            problem = error
        }
        if let location = try? embedded() { return location }
        if let problem { throw problem }
        let embeddedPlace = dataFolder.map { Self.embeddedFolder(in: $0).path } ?? "a data folder (there is none)"
        throw IOIError(
            "no model found: looked for gpt2 in \(Self.list(places(of: "gpt2"))) and for the embedded model in "
                + "\(embeddedPlace); \(Self.published[0].way) or give the model's folder"
        )
    }

    func find(_ argument: String) throws -> ModelLocation {
        let folder = URL(fileURLWithPath: argument)
        guard !argument.isEmpty else {
            throw IOIError.invalid("model", "found an empty name, expected a model's name or folder")
        }
        if let repository = Repository(argument), !exists(folder) {
            if let location = try find(Self.name(of: repository), inPlaces: places(of: argument)) { return location }
            throw IOIError(
                "\(folder.path): found nothing, expected a model folder, or a repository of the Hugging Face hub that is "
                    + "in its cache, as \(hub.appendingPathComponent(repository.folder).path)"
            )
        }
        if argument.contains("/") || argument.hasPrefix(".") || exists(folder.appendingPathComponent("config.json")) {
            return try ModelLocation(folder: folder, needing: need)
        }
        if argument == "embedded" { return try embedded() }
        let known = Self.published.first { $0.name == argument || $0.others.contains(argument) }
        let name = known?.name ?? argument
        let places = places(of: name)
        if let location = try find(name, inPlaces: places) { return location }
        guard let known else {
            let names = Self.published.map(\.name).joined(separator: ", ")
            throw IOIError.invalid(
                "model",
                "found \(argument.quoted), expected a model's folder, embedded, \(names), the owner/name of a repository in "
                    + "Hugging Face's cache, or a folder's name in \(Self.list(places.map { $0.deletingLastPathComponent() }))"
            )
        }
        throw IOIError(
            "model \(argument): not found; looked in \(Self.list(places)); \(known.way) or give the model's folder")
    }

    /// The model of a name, in places that do not depend on the working directory.
    func named(_ name: String) -> ModelLocation? {
        name == "embedded" ? try? embedded() : try? find(name, inPlaces: places(of: name))
    }

    /// The first folder that holds weights and tokenizer, so that all commands take the same; if there is none, the first
    /// that holds what is needed.
    ///
    /// - Throws: `IOIError` saying what each of the folders lacks, if there are any.
    private func find(_ name: String, inPlaces places: [URL]) throws -> ModelLocation? {
        var found: [ModelLocation] = []
        var problems: [any Error] = []
        for place in places where exists(place) {
            do {
                for folder in try Self.folders(in: place) {
                    do {
                        found.append(try ModelLocation(name: name, folder: folder, needing: need))
                    } catch {
                        problems.append(error)
                    }
                }
            } catch {
                problems.append(error)
            }
        }
        if let location = found.first(where: \.isWhole) ?? found.first { return location }
        guard let first = problems.first else { return nil }
        guard problems.count > 1 else { throw first }
        let shown = problems.prefix(3).map { "\($0)" }.joined(separator: "; ")
        throw IOIError("model \(name): no folder is complete: \(shown)\(problems.count > 3 ? "; …" : "")")
    }

    /// ``ModelLocation/all(dataFolder:packageFolder:environment:home:)``.
    func all() -> (models: [ModelLocation], problems: [IOIError]) {
        var models = [try? embedded()].compactMap { $0 }
        var problems: [IOIError] = []
        func add(_ name: String, at place: URL, isOwn: Bool) {
            do {
                let folders = try Self.folders(in: place)
                let whole = folders.first { (try? ModelLocation(folder: $0)) != nil } ?? folders[0]
                let location = try ModelLocation(name: name, folder: whole)
                _ = try GPT2Config(contentsOf: location.configFile)
                if !models.contains(where: { $0.folder == location.folder }) { models.append(location) }
            } catch {
                if isOwn { problems.append(error as? IOIError ?? IOIError("\(error)")) }
            }
        }
        for root in roots {
            for folder in subfolders(of: root) {
                let name = folder.lastPathComponent
                guard !isModel(folder) else {
                    let known = Self.published.first { $0.folders.contains(name) }
                    add(known?.name ?? name, at: folder, isOwn: true)
                    continue
                }
                // owner/name is a folder in a folder.
                for model in subfolders(of: folder) where isModel(model) {
                    let full = "\(name)/\(model.lastPathComponent)"
                    add(Repository(full).map(Self.name) ?? full, at: model, isOwn: true)
                }
            }
        }
        for folder in subfolders(of: hub) where folder.lastPathComponent.hasPrefix("models--") {
            let name = String(folder.lastPathComponent.dropFirst("models--".count)).replacing("--", with: "/")
            add(Repository(name).map(Self.name) ?? name, at: folder, isOwn: false)
        }
        return (models, problems)
    }

    /// Whether a folder should be a model's.
    private func isModel(_ folder: URL) -> Bool { exists(folder.appendingPathComponent("config.json")) }

    /// In ascending order of their names, without hidden ones.
    private func subfolders(of folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().map(folder.appendingPathComponent).filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0.path, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    private func embedded() throws -> ModelLocation {
        guard let dataFolder else {
            throw IOIError("model embedded: found no data folder, expected one with an embedded model")
        }
        return try ModelLocation(name: "embedded", folder: Self.embeddedFolder(in: dataFolder), needing: need)
    }

    private static func embeddedFolder(in dataFolder: URL) -> URL {
        dataFolder.appendingPathComponent("embedded")
    }

    // MARK: Places

    /// - Parameter name: of a published model, of a folder, or a repository's with its owner.
    private func places(of name: String) -> [URL] {
        func own(_ names: [String]) -> [URL] {
            roots.flatMap { folder in names.map { folder.appendingPathComponent($0) } }
        }
        func cached(_ folders: [String]) -> [URL] { folders.map { hub.appendingPathComponent($0) } }
        if let repository = Repository(name) {
            // Whoever names the owner means the hub's.
            guard let known = Self.known(repository) else { return own([name]) + cached([repository.folder]) }
            return cached([repository.folder, "models--\(known.name)"]) + own([name, known.name])
        }
        guard let known = Self.published.first(where: { $0.name == name }) else {
            return own([name]) + cached(["models--\(name)"])
        }
        return own(known.folders)
            + cached(["models--\(name)", "models--\(known.owner)--\(name)"])
    }

    /// The folders of models.
    var roots: [URL] {
        // An installed program has left its package.
        let own = exists(packageFolder) ? packageFolder.appendingPathComponent("models") : nil
        return [variable("IOI_MODELS"), own].compactMap { $0 }
    }

    private func variable(_ name: String) -> URL? {
        environment[name].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
    }

    private static func list(_ places: [URL]) -> String {
        places.map(\.path).joined(separator: ", ")
    }

    // MARK: Hugging Face's cache

    /// A repository of the Hugging Face hub, `owner/name`.
    private struct Repository {
        let owner, name: String

        /// nil for any other text.
        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let isName = { (part: String) in
                part.first.map { $0.isLetter || $0.isNumber } == true
                    && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "-_.".contains($0) }
            }
            guard parts.count == 2, parts.allSatisfy(isName) else { return nil }
            (owner, name) = (parts[0], parts[1])
        }

        /// Its folder in the cache.
        var folder: String { "models--\(owner)--\(name)" }
    }

    private static func known(_ repository: Repository) -> Published? {
        published.first { $0.name == repository.name && $0.owner == repository.owner }
    }

    private static func name(of repository: Repository) -> String {
        known(repository)?.name ?? "\(repository.owner)/\(repository.name)"
    }

    /// Located as `huggingface_hub` does.
    private var hub: URL {
        if let cache = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE") { return cache }
        if let own = variable("HF_HOME") { return own.appendingPathComponent("hub") }
        let caches = variable("XDG_CACHE_HOME") ?? home.appendingPathComponent(".cache")
        return caches.appendingPathComponent("huggingface/hub")
    }

    /// A place itself, or the snapshots of a model in Hugging Face's cache: that of `main`, then the others, newest first.
    private static func folders(in place: URL) throws -> [URL] {
        guard place.lastPathComponent.hasPrefix("models--") else { return [place] }
        let snapshots = place.appendingPathComponent("snapshots")
        let main = (try? InputFile.read(place.appendingPathComponent("refs/main"), limit: 1000)).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let all = try? FileManager.default.contentsOfDirectory(
            at: snapshots, includingPropertiesForKeys: [.contentModificationDateKey]
        )
        let newestFirst = (all ?? []).map { folder in
            let values = try? folder.resourceValues(forKeys: [.contentModificationDateKey])
            return (folder: folder, date: values?.contentModificationDate ?? .distantPast)
        }.sorted { ($0.date, $0.folder.path) > ($1.date, $1.folder.path) }.map(\.folder)
        guard !newestFirst.isEmpty else {
            throw IOIError("\(place.path): found no snapshot, expected a model that Hugging Face cached")
        }
        return newestFirst.filter { $0.lastPathComponent == main } + newestFirst.filter { $0.lastPathComponent != main }
    }
}
