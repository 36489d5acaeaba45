import Foundation

extension GPT2Parameters {
    /// Reads the weights of a checkpoint, with or without the `transformer.` prefix. F32 tensors are used in place in
    /// the mapped file; F16 and BF16 are widened to F32.
    ///
    /// - Throws: ``IOIError`` naming the file and the tensor that is missing, has the wrong shape, is not part of a
    ///   GPT-2 or holds a value that is not finite.
    public convenience init(contentsOf url: URL, config: GPT2Config, workers: Workers) throws {
        try self.init(SafetensorsFile(contentsOf: url), config: config, workers: workers)
    }

    convenience init(_ file: SafetensorsFile, config: GPT2Config, workers: Workers) throws {
        try self.init(file, config: config)
        if let name = firstNonFinite(workers: workers) {
            throw IOIError("\(file.url.path): tensor \(name) holds a NaN or an infinity, expected finite numbers")
        }
    }

    /// Does not check that the values are finite.
    package convenience init(_ file: SafetensorsFile, config: GPT2Config) throws {
        let prefix = file.tensors.keys.contains("transformer.wte.weight") ? "transformer." : ""
        try self.init(file, prefix: prefix, config: config)
        try refuseUnknownTensors(file, prefix: prefix)
    }

    /// Takes the tensors of a GPT-2 whose names in `file` start with `prefix`.
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
                try file.copy(tensor.name, into: UnsafeMutableBufferPointer(start: arena.base, count: arena.count))
                views.append(arena.take(rows, columns))
                owners.append(arena)
            }
        }
        self.init(config: config, views: views, owners: owners)
    }

    /// The tensors in a checkpoint's order, for ``SafetensorsWriter``.
    package func tensors(prefix: String = "transformer.") -> [(
        name: String, shape: [Int], values: UnsafeBufferPointer<Float>
    )] {
        zip(entries, views).map { entry, view in
            (prefix + entry.name, entry.shape, UnsafeBufferPointer(start: view.base, count: entry.count))
        }
    }

    /// Older checkpoints contain attention masks, and some the unembedding as well as the embedding it is tied to.
    /// Any other tensor would be lost silently.
    private func refuseUnknownTensors(_ file: SafetensorsFile, prefix: String) throws {
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
                "\(file.url.path): tensor \(name) differs from the token embedding, expected the two to be tied"
            )
        }
    }
}
