/// AdamW's first or second moments of the gradients of a model's parameters, in one arena.
package final class Moments: @unchecked Sendable {
    // Unchecked: as with parameters, whoever updates them decides which worker writes where.
    package let precision: MomentPrecision
    /// What they are the moments of, in a checkpoint's order.
    private let entries: [GPT2Parameters.Entry]
    /// All numbers, one tensor after another.
    private let base: UnsafeMutableRawPointer
    /// Where the numbers of each of `entries` begin.
    private let starts: [UnsafeMutableRawPointer]
    private let arena: Arena

    /// All zeros.
    init(_ config: GPT2Config, _ precision: MomentPrecision) {
        self.precision = precision
        entries = GPT2Parameters.entries(of: config)
        let (arena, views) = Arena.holding { $0.take(1, Self.floats(config, precision)) }
        let base = UnsafeMutableRawPointer(views.base)
        var next = base
        starts = entries.map { entry in
            defer { next += entry.count * precision.size }
            return next
        }
        (self.arena, self.base) = (arena, base)
    }

    /// Copies some from the tensors of a file whose names start with `prefix`; the others are zeros, which take no memory
    /// until they are written.
    ///
    /// - Parameter values: which, as ranges of all values.
    /// - Throws: ``IOIError`` naming the tensor that is missing, or of another shape or type.
    package convenience init(
        _ file: SafetensorsFile,
        prefix: String,
        config: GPT2Config,
        precision: MomentPrecision,
        values: [Range<Int>],
        workers: Workers
    ) throws {
        self.init(config, precision)
        let forms = tensors(prefix: prefix)
        for (index, own) in values.flatMap({ entries.tensors(in: $0) }) {
            let form = forms[index].form
            try file.copyBytes(
                form, own.lowerBound * precision.size..<own.upperBound * precision.size, into: starts[index],
                workers: workers)
            file.giveBack(form.name)
        }
    }

    private static func floats(_ config: GPT2Config, _ precision: MomentPrecision) -> Int {
        let count = GPT2Parameters.entries(of: config).reduce(0) { $0 + $1.count }
        return (count * precision.size + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
    }

    /// The bytes of one of the two moments.
    package static func bytes(_ config: GPT2Config, _ precision: MomentPrecision) -> Int {
        floats(config, precision) * MemoryLayout<Float>.stride
    }

    /// Where a range of all values lies.
    package func start(of values: Range<Int>) -> UnsafeMutableRawPointer { base + values.lowerBound * precision.size }

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
