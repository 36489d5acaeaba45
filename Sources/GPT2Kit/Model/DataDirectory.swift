import Foundation

/// The folder `Data/` with the templates, names, circuits and embedded model that come with the package.
public enum DataDirectory {
    /// A file of `Data/`.
    ///
    /// - Parameter name: its path inside the folder, such as `names.txt`.
    /// - Throws: ``IOIError`` if the folder is not found or does not contain the file.
    public static func file(_ name: String) throws -> URL {
        let file = try url().appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw IOIError("\(file.path): missing; expected with the program's other data files")
        }
        return file
    }

    /// The JSON files in a folder of `Data/`, by their names without the extension, in ascending order.
    ///
    /// - Parameter folder: its path inside `Data/`, such as `circuits`.
    /// - Throws: ``IOIError`` if the folder is not found.
    public static func names(in folder: String) throws -> [String] {
        let path = try file(folder).path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// Finds the folder, independently of the working directory.
    ///
    /// The first of: the folder named by the environment variable `IOI_DATA`, `share/ioi` beside the `bin` of an
    /// installed executable, and `Data` of the package this source was compiled in, which is also what a package
    /// that depends on this one uses.
    ///
    /// - Throws: ``IOIError`` listing the places searched.
    public static func url() throws -> URL {
        try find(
            environment: ProcessInfo.processInfo.environment, executable: Bundle.main.executableURL,
            package: ModelLocation.sourcePackage
        )
    }

    static func find(environment: [String: String], executable: URL?, package: URL) throws -> URL {
        if let path = environment["IOI_DATA"], !path.isEmpty {
            let folder = URL(fileURLWithPath: path, isDirectory: true)
            guard holdsData(folder) else {
                throw IOIError(
                    "IOI_DATA: found no templates.json in \(folder.path), expected the program's data folder")
            }
            return folder
        }
        var candidates = [package.appendingPathComponent("Data", isDirectory: true)]
        if let executable {
            let bin = executable.resolvingSymlinksInPath().deletingLastPathComponent()
            let share = bin.deletingLastPathComponent().appendingPathComponent("share/ioi", isDirectory: true)
            candidates.insert(share, at: 0)
        }
        if let found = candidates.first(where: holdsData) { return found }
        throw IOIError(
            "data folder not found: IOI_DATA is not set, and there is no templates.json in "
                + candidates.map(\.path).joined(separator: " or ") + "; set IOI_DATA to the folder that holds it"
        )
    }

    private static func holdsData(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent("templates.json").path)
    }
}
