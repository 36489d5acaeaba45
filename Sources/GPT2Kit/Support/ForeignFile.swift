import Foundation

/// Files in well-known formats that are not read here, known by how they begin.
package enum ForeignFile {
    private static let beginnings: [(bytes: [UInt8], what: String)] = [
        (
            Array("version https://git-lfs".utf8),
            "a Git LFS pointer in place of the file: fetch the file with git lfs pull"
        ),
        (Array("PK\u{3}\u{4}".utf8), "a zip archive, as torch.save and numpy.savez write"),
        ([0x80, 0x02], "a Python pickle"), ([0x80, 0x03], "a Python pickle"), ([0x80, 0x04], "a Python pickle"),
        ([0x80, 0x05], "a Python pickle"),
        (Array("GGUF".utf8), "a GGUF file"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file, as TensorFlow writes"),
        ([0x1f, 0x8b], "a file packed with gzip"),
        ([0xff, 0xfe], "text in UTF-16: save it in UTF-8"),
        ([0xfe, 0xff], "text in UTF-16: save it in UTF-8"),
    ]

    /// What a file is that begins like this, and the way in if there is one; nil for any other file.
    package static func name(beginning: some Collection<UInt8>) -> String? {
        if let known = beginnings.first(where: { beginning.starts(with: $0.bytes) }) { return known.what }
        // UTF-16 without a mark: every other byte of its first characters is 0.
        let first = Array(beginning.prefix(4))
        let isWide =
            first.count == 4 && (first[0] == 0) != (first[1] == 0) && (first[0] == 0) == (first[2] == 0)
            && (first[1] == 0) == (first[3] == 0)
        return isWide ? "text in UTF-16: save it in UTF-8" : nil
    }
}

extension InputFile {
    /// Reads a whole file of text.
    /// - Throws: ``IOIError`` naming the file if it cannot be read or is one of the formats of ``ForeignFile``.
    package static func readText(_ url: URL) throws -> Data {
        let data = try read(url)
        if let what = ForeignFile.name(beginning: data) {
            throw IOIError("\(url.path): found \(what), expected text in UTF-8")
        }
        return data
    }
}
