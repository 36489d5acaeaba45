/// AdamW's first or second moments of the gradients of a model's parameters, in one arena.
package final class Moments: @unchecked Sendable {
    // Unchecked: as with parameters, whoever updates them decides which worker writes where.
    package let precision: MomentPrecision
    /// What they are the moments of, in a checkpoint's order.
    private let entries: [GPT2Parameters.Entry]
    /// Where the numbers of each of `entries` begin.
    private let starts: [UnsafeMutableRawPointer]
    private let arena: Arena

    /// All zeros.
    init(_ config: GPT2Config, _ precision: MomentPrecision) {
        self.precision = precision
        entries = GPT2Parameters.entries(of: config)
        (arena, starts) = Arena.holding { Self.layOut(config, precision, in: $0) }
    }

    /// Copies them from the tensors of a file whose names start with `prefix`.
    ///
    /// - Throws: ``IOIError`` naming the tensor that is missing, or of another shape or type.
    package convenience init(
        _ file: SafetensorsFile,
        prefix: String,
        config: GPT2Config,
        precision: MomentPrecision,
        workers: Workers
    ) throws {
        self.init(config, precision)
        for (form, bytes) in tensors(prefix: prefix) {
            try file.copyBytes(form, into: UnsafeMutableRawBufferPointer(mutating: bytes), workers: workers)
            file.giveBack(form.name)
        }
    }

    private static func layOut(_ config: GPT2Config, _ precision: MomentPrecision, in arena: Arena)
        -> [UnsafeMutableRawPointer]
    {
        GPT2Parameters.entries(of: config).map {
            UnsafeMutableRawPointer(arena.take(1, precision.floats($0.count)).base)
        }
    }

    /// The bytes of one of the two moments.
    package static func bytes(_ config: GPT2Config, _ precision: MomentPrecision) -> Int {
        Arena.bytes { layOut(config, precision, in: $0) }
    }

    func floats(_ entry: Int) -> UnsafeMutablePointer<Float> { starts[entry].assumingMemoryBound(to: Float.self) }

    func halves(_ entry: Int) -> UnsafeMutablePointer<UInt16> { starts[entry].assumingMemoryBound(to: UInt16.self) }

    /// The values of one tensor, row-major; nil if there is no tensor of that name.
    package func values(of name: String) -> [Float]? {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
        return (0..<entries[index].count).map {
            precision == .fp32 ? floats(index)[$0] : Float(bitPattern: UInt32(halves(index)[$0]) << 16)
        }
    }

    /// The tensors in a checkpoint's order, for ``SafetensorsWriter``.
    package func tensors(prefix: String) -> [(form: TensorForm, bytes: UnsafeRawBufferPointer)] {
        zip(entries, starts).map { entry, start in
            let form = TensorForm(prefix + entry.name, precision.type, entry.shape)
            return (form, UnsafeRawBufferPointer(start: start, count: form.byteCount))
        }
    }
}
