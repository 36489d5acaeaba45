import Foundation

/// The tensors of one safetensors file, or of the several files (shards) that an index lists.
///
/// An index is Hugging Face's `model.safetensors.index.json`: under `weight_map`, the file that each tensor is in, beside
/// the index.
package struct SafetensorsSet {
    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
    }

    /// What was opened: a safetensors file or an index.
    package let url: URL
    /// By name.
    package let files: [SafetensorsFile]
    /// The file of each tensor.
    private let fileOfTensor: [String: Int]

    package var names: [String] { fileOfTensor.keys.sorted() }

    /// - Throws: ``IOIError`` naming the file, and the tensor if the error is about one, if a file cannot be read or
    ///   violates the format, the index names a file outside its folder, a tensor is not in the file that the index
    ///   gives, or two files hold the same tensor.
    package init(contentsOf url: URL) throws {
        self.url = url
        guard url.pathExtension == "json" else {
            files = [try SafetensorsFile(contentsOf: url)]
            fileOfTensor = files[0].tensors.mapValues { _ in 0 }
            return
        }
        let index = try Self.index(url)
        files = try Self.shards(of: index, at: url).map { try SafetensorsFile(contentsOf: $0) }
        var fileOfTensor: [String: Int] = [:]
        for (place, file) in files.enumerated() {
            for name in file.tensors.keys.sorted() {
                if let other = fileOfTensor.updateValue(place, forKey: name) {
                    throw IOIError(
                        "\(file.url.path): tensor \(name.quoted): found a second time, expected it in "
                            + "\(files[other].url.lastPathComponent) alone"
                    )
                }
            }
        }
        for (name, file) in index.weightMap.sorted(by: { $0.key < $1.key }) {
            guard let place = fileOfTensor[name], files[place].url.lastPathComponent == file else {
                throw IOIError("\(url.path): tensor \(name.quoted): not in \(file.quoted), where the index has it")
            }
        }
        self.fileOfTensor = fileOfTensor
    }

    private static func index(_ url: URL) throws -> Index {
        let index = try InputFile.decode(Index.self, from: InputFile.readText(url), path: url.path)
        guard !index.weightMap.isEmpty else {
            throw IOIError("\(url.path): weight_map: found no tensors, expected the file of each")
        }
        return index
    }

    private static func shards(of index: Index, at url: URL) throws -> [URL] {
        try Set(index.weightMap.values).sorted().map { name in
            guard !name.contains("/"), name.hasSuffix(".safetensors") else {
                throw IOIError(
                    "\(url.path): weight_map: found the file \(name.quoted), expected a .safetensors file beside the index"
                )
            }
            return url.deletingLastPathComponent().appendingPathComponent(name)
        }
    }

    /// The safetensors file itself, or those that an index lists, by name.
    package static func files(of url: URL) throws -> [URL] {
        url.pathExtension == "json" ? try shards(of: index(url), at: url) : [url]
    }

    /// The hashes of the files that are mapped, by name.
    package var hashes: [(name: String, hash: FileHash)] { files.map { ($0.url.lastPathComponent, $0.hash) } }

    /// The hash that identifies weights: that of the file, or of what `sha256sum` prints of several.
    ///
    /// - Parameter files: ``hashes``.
    /// - Throws: ``IOIError`` if a file cannot be read, or was written to since it was opened.
    package static func sha256(of files: [(name: String, hash: FileHash)]) throws -> String {
        if files.count == 1 { return try files[0].hash.value() }
        return Digest.sha256(of: Data(try files.map { "\(try $0.hash.value())  \($0.name)\n" }.joined().utf8))
    }

    /// The hash of weights that are not read otherwise.
    ///
    /// - Parameter url: a safetensors file or an index.
    /// - Throws: ``IOIError`` if a file cannot be read.
    package static func sha256(at url: URL) throws -> String {
        try sha256(of: files(of: url).map { ($0.lastPathComponent, FileHash(of: try OpenFile($0))) })
    }

    /// - Throws: ``IOIError`` if there is no tensor of this name.
    package func file(of tensor: String) throws -> SafetensorsFile {
        guard let place = fileOfTensor[tensor] else {
            throw IOIError("\(url.path): expected a tensor \(tensor.quoted), found none of that name")
        }
        return files[place]
    }
}
