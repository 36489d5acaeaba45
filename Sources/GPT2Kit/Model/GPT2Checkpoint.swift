import Foundation

/// The tensors of a checkpoint of a GPT-2, by their names without what wrappers add.
///
/// `transformer.` begins the names of a model with a head, `_orig_mod` and `module` are put in by `torch.compile` and
/// data-parallel training, anywhere.
package struct GPT2Checkpoint {
    package let weights: SafetensorsSet
    /// The name in the files of each tensor.
    private let names: [String: String]

    static let head = "lm_head.weight"

    /// - Throws: ``IOIError`` as ``SafetensorsSet/init(contentsOf:)``, or if two tensors are the same but for wrappers, or
    ///   one is of an adapter.
    package init(contentsOf url: URL) throws {
        weights = try SafetensorsSet(contentsOf: url)
        var names: [String: String] = [:]
        for name in weights.names {
            guard !name.contains("lora_") else {
                throw IOIError(
                    "\(url.path): tensor \(name.quoted): found weights of a LoRA adapter, expected a whole model: "
                        + "call merge_and_unload() of the peft model and save what it returns"
                )
            }
            if let other = names.updateValue(name, forKey: Self.plain(name)) {
                throw IOIError("\(url.path): found both \(other.quoted) and \(name.quoted), expected one of the two")
            }
        }
        self.names = names
    }

    /// A tensor's name without what wrappers add.
    static func plain(_ name: String) -> String {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)
        parts.removeAll { $0 == "_orig_mod" || $0 == "module" }
        if parts.first == "transformer" { parts.removeFirst() }
        return parts.joined(separator: ".")
    }

    /// Whether the unembedding is stored apart from the embedding.
    package var holdsHead: Bool { names[Self.head] != nil }

    /// The tensors of value and classification heads beside the language model, which are not read.
    package var otherHeads: [String] { names.keys.filter(Self.isOtherHead).sorted() }

    private static func isOtherHead(_ name: String) -> Bool {
        let module = name.prefix { $0 != "." }
        return ["score", "classifier", "qa_outputs"].contains(module)
            || module.hasSuffix("_head") && module != "lm_head"
    }

    /// Gives the memory of all tensors back to the system, as ``SafetensorsFile/giveBack(_:)``.
    func giveBack() {
        for file in weights.files { for name in file.tensors.keys { file.giveBack(name) } }
    }

    /// The file of a tensor and its name there.
    func place(of name: String) throws -> (file: SafetensorsFile, name: String) {
        let stored = names[name] ?? name
        return (try weights.file(of: stored), stored)
    }

    /// Older checkpoints contain attention masks, and some the unembedding as well as the embedding it is tied to.
    /// Any other tensor but those of ``otherHeads`` would be lost silently.
    fileprivate func refuseUnknownTensors(
        beside entries: [GPT2Parameters.Entry], tokenTable: Matrix, workers: Workers
    ) throws {
        let known = Set(entries.map(\.name))
        for (name, stored) in names.sorted(by: { $0.key < $1.key }) where !known.contains(name) {
            if name == Self.head {
                try checkTied(tokenTable, workers)
            } else if !name.hasSuffix(".attn.bias"), !name.hasSuffix(".attn.masked_bias"), !Self.isOtherHead(name) {
                throw IOIError(
                    "\(weights.url.path): tensor \(stored.quoted) is not part of a GPT-2 of this config.json")
            }
        }
    }

    private func checkTied(_ tokenTable: Matrix, _ workers: Workers) throws {
        let (file, name) = try place(of: Self.head)
        let arena = Arena(count: tokenTable.rows * tokenTable.columns)
        try file.copy(name, into: UnsafeMutableBufferPointer(start: arena.base, count: arena.count), workers: workers)
        file.giveBack(name)
        guard memcmp(arena.base, tokenTable.base, arena.count * MemoryLayout<Float>.stride) == 0 else {
            throw IOIError(
                "\(file.url.path): tensor \(name) differs from the token embedding, expected the two to be tied: "
                    + "models with an output head of their own cannot be read"
            )
        }
    }
}

extension GPT2Parameters {
    /// Reads the weights of a checkpoint: a safetensors file or the index of several. F32 tensors are used in place in the
    /// mapped file; F16 and BF16 are widened to F32.
    ///
    /// - Throws: ``IOIError`` naming the file and the tensor that is missing, has the wrong shape, is not part of a
    ///   GPT-2 or holds a value that is not finite.
    public convenience init(contentsOf url: URL, config: GPT2Config, workers: Workers) throws {
        try self.init(GPT2Checkpoint(contentsOf: url), config: config, workers: workers)
    }

    convenience init(_ checkpoint: GPT2Checkpoint, config: GPT2Config, workers: Workers) throws {
        try self.init(checkpoint, config: config, unchecked: workers)
        if let name = firstNonFinite(workers: workers) {
            throw IOIError(
                "\(checkpoint.weights.url.path): tensor \(name) holds a NaN or an infinity, expected finite numbers")
        }
    }

    /// Does not check that the values are finite.
    package convenience init(_ checkpoint: GPT2Checkpoint, config: GPT2Config, unchecked workers: Workers) throws {
        try self.init(of: config, copying: false, workers: workers, checkpoint.place)
        try checkpoint.refuseUnknownTensors(beside: entries, tokenTable: tokenTable, workers: workers)
    }

    /// Copies the tensors of a GPT-2 whose names in `file` start with `prefix`.
    package convenience init(copying file: SafetensorsFile, prefix: String, config: GPT2Config, workers: Workers) throws
    {
        try self.init(of: config, copying: true, workers: workers) { (file, prefix + $0) }
    }

    /// - Parameters:
    ///   - isCopying: whether to copy what could be used in place, too.
    ///   - place: the file of a tensor and its name there.
    private convenience init(
        of config: GPT2Config,
        copying isCopying: Bool,
        workers: Workers,
        _ place: (String) throws -> (file: SafetensorsFile, name: String)
    ) throws {
        let entries = Self.entries(of: config)
        let places = try entries.map { entry in
            let (file, name) = try place(entry.name)
            let tensor = try file.tensor(name)
            guard tensor.shape == entry.shape else {
                throw IOIError(
                    "\(file.url.path): tensor \(name) has shape \(tensor.shape), but config.json makes it \(entry.shape)"
                )
            }
            return (file: file, name: name, values: isCopying ? nil : try file.floats(name))
        }
        func layOut(_ arena: Arena) -> [Matrix] {
            zip(entries, places).map { entry, place in
                let (rows, columns) = entry.matrixShape
                guard let values = place.values else { return arena.take(rows, columns) }
                return Matrix(base: values.baseAddress!, rows: rows, columns: columns)
            }
        }
        // Those in place are the file's, of which the system keeps in memory what fits.
        try MachineMemory.check(Double(Arena.bytes(layOut)), for: "a copy of the weights")
        let (arena, views) = Arena.holding(layOut)
        for (place, view) in zip(places, views) where place.values == nil {
            let target = UnsafeMutableBufferPointer(start: view.base, count: view.rows * view.columns)
            try place.file.copy(place.name, into: target, workers: workers)
            // Else the weights would be in memory twice.
            place.file.giveBack(place.name)
        }
        self.init(config: config, views: views, owners: places.map(\.file) + [arena])
    }

    /// The tensors in a checkpoint's order, for ``SafetensorsWriter``.
    package func tensors(prefix: String = "transformer.") -> [(
        name: String, shape: [Int], values: UnsafeBufferPointer<Float>
    )] {
        zip(entries, views).map { entry, view in
            (prefix + entry.name, entry.shape, UnsafeBufferPointer(start: view.base, count: entry.count))
        }
    }
}
