import Foundation

/// A file that the program reads, and what reads it.
struct FuzzTarget {
    let name: String
    let file: URL
    let sound: Data
    let damaged: DamagedFile
    /// A target of weight 10 gets ten times as many cases as one of weight 1.
    let weight: Int
    /// Reads the file as the program does; an `IOIError` refuses it.
    let read: () throws -> Void

    init(
        _ name: String,
        _ form: DamagedFile.Form,
        _ file: URL,
        weight: Int = 10,
        read: @escaping () throws -> Void
    ) throws {
        (self.name, self.file, self.weight, self.read) = (name, file, weight, read)
        sound = try Data(contentsOf: file)
        damaged = DamagedFile(form, sound)
    }
}
