import Foundation

/// The folder `Data/` with the program's own templates, names, circuits and embedded model.
public enum DataDirectory {
    /// A file of `Data/`.
    ///
    /// - Parameter name: its path inside the folder, such as `names.txt`.
    /// - Throws: ``IOIError`` where the folder is not found or does not hold the file.
    public static func file(_ name: String) throws -> URL {
        let file = try url().appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw IOIError("\(file.path): missing; expected with the program's other data files")
        }
        return file
    }

    /// Where the folder lies, whatever the working directory is.
    ///
    /// The first of: the folder that the environment variable `IOI_DATA` names, `share/ioi` beside the `bin`
    /// of an installed executable, and `Data` of the package that the program was built from.
    ///
    /// - Throws: ``IOIError`` that says where it looked.
    public static func url() throws -> URL {
        try find(
            environment: ProcessInfo.processInfo.environment,
            executable: Bundle.main.executableURL,
            source: URL(fileURLWithPath: #filePath)
        )
    }

    static func find(environment: [String: String], executable: URL?, source: URL) throws -> URL {
        if let path = environment["IOI_DATA"], !path.isEmpty {
            let folder = URL(fileURLWithPath: path, isDirectory: true)
            guard holdsData(folder) else {
                throw IOIError(
                    "IOI_DATA: \(folder.path) holds no templates.json; expected the program's data folder"
                )
            }
            return folder
        }
        var candidates: [URL] = []
        if let executable {
            let binFolder = executable.resolvingSymlinksInPath().deletingLastPathComponent()
            candidates.append(
                binFolder.deletingLastPathComponent().appendingPathComponent("share/ioi", isDirectory: true)
            )
        }
        if let package = packageFolder(above: source) {
            candidates.append(package.appendingPathComponent("Data", isDirectory: true))
        }
        if let found = candidates.first(where: holdsData) { return found }
        let places = candidates.map(\.path) + (candidates.count < 2 ? ["the package's sources (gone)"] : [])
        throw IOIError(
            "data folder not found: IOI_DATA is not set, and there is no templates.json in "
                + places.joined(separator: " or ") + "; set IOI_DATA to the folder that holds it"
        )
    }

    private static func holdsData(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent("templates.json").path)
    }

    private static func packageFolder(above source: URL) -> URL? {
        var folder = source.deletingLastPathComponent()
        while folder.path != "/" {
            let manifest = folder.appendingPathComponent("Package.swift")
            if FileManager.default.fileExists(atPath: manifest.path) { return folder }
            folder = folder.deletingLastPathComponent()
        }
        return nil
    }
}
