import Foundation

extension GPT2Parameters {
    /// Reads the weights of a checkpoint, with or without the `transformer.` prefix. F32 tensors are used where the
    /// mapped file has them; F16 and BF16 are widened.
    ///
    /// - Throws: `IOIError` naming the file and the tensor for one that is missing, has a shape that the config does
    ///   not give it, is not part of a GPT-2, or holds a value that is not finite.
    public convenience init(contentsOf url: URL, config: GPT2Config, workers: Workers) throws {
        try self.init(contentsOf: url, config: config)
        if let name = firstNonFinite(workers: workers) {
            throw IOIError("\(url.path): tensor \(name) holds a NaN or an infinity, expected finite numbers")
        }
    }

    /// The same, whatever the values are.
    package convenience init(contentsOf url: URL, config: GPT2Config) throws {
        let file = try SafetensorsFile(contentsOf: url)
        let prefix = file.tensors.keys.contains("transformer.wte.weight") ? "transformer." : ""
        try self.init(file, prefix: prefix, config: config)
        try refuseStrangers(file, prefix: prefix)
    }

    /// The tensors of `file` whose names are a GPT-2's after `prefix`.
    package convenience init(_ file: SafetensorsFile, prefix: String, config: GPT2Config) throws {
        var views: [Matrix] = []
        var owners: [AnyObject] = [file]
        for entry in Self.entries(of: config) {
            let tensor = try file.tensor(prefix + entry.name)
            guard tensor.shape == entry.shape else {
                throw IOIError(
                    "\(file.url.path): tensor \(tensor.name) has shape \(tensor.shape), "
                        + "but config.json makes it \(entry.shape)"
                )
            }
            let (rows, columns) = entry.matrixShape
            if let values = try file.floats(tensor.name) {
                views.append(Matrix(base: values.baseAddress!, rows: rows, columns: columns))
            } else {
                let arena = Arena(count: entry.count)
                try file.copy(
                    tensor.name, into: UnsafeMutableBufferPointer(start: arena.base, count: arena.count)
                )
                views.append(arena.take(rows, columns))
                owners.append(arena)
            }
        }
        self.init(config: config, views: views, owners: owners)
    }

    /// The tensors as a checkpoint holds them, for `SafetensorsWriter`.
    package func tensors(prefix: String = "transformer.") -> [(
        name: String, shape: [Int], values: UnsafeBufferPointer<Float>
    )] {
        zip(entries, views).map { entry, view in
            (prefix + entry.name, entry.shape, UnsafeBufferPointer(start: view.base, count: entry.count))
        }
    }

    /// Older checkpoints keep attention masks as tensors, and some the unembedding beside the embedding that it is
    /// tied to. Anything else would be silently lost.
    private func refuseStrangers(_ file: SafetensorsFile, prefix: String) throws {
        let known = Set(entries.map { prefix + $0.name })
        for name in file.tensors.keys.sorted() where !known.contains(name) {
            if name == "lm_head.weight" {
                try checkTied(file, name)
            } else if !name.hasSuffix(".attn.bias"), !name.hasSuffix(".attn.masked_bias") {
                throw IOIError("\(file.url.path): tensor \(name) is not part of a GPT-2 of this config.json")
            }
        }
    }

    private func checkTied(_ file: SafetensorsFile, _ name: String) throws {
        let arena = Arena(count: entries[0].count)
        try file.copy(name, into: UnsafeMutableBufferPointer(start: arena.base, count: arena.count))
        guard memcmp(arena.base, tokenTable.base, arena.count * MemoryLayout<Float>.stride) == 0 else {
            throw IOIError(
                "\(file.url.path): tensor \(name) differs from the token embedding, "
                    + "expected the two to be tied"
            )
        }
    }
}
