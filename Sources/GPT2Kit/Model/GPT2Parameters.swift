import Foundation

/// The weights of a GPT-2, or anything of the same shape: gradients, AdamW's moments.
///
/// Tensors are named and shaped as in a Hugging Face checkpoint, weights [in, out]. They lie in one arena, or in the
/// mapped file they were read from; writing to them never changes the file.
public final class GPT2Parameters: @unchecked Sendable {
    /// One tensor's name and shape.
    public struct Entry: Sendable {
        /// The name in a checkpoint, without the `transformer.` prefix.
        public let name: String
        public let shape: [Int]
        /// Whether it is a weight matrix or an embedding, as opposed to a bias or LayerNorm.
        public var isMatrix: Bool { shape.count > 1 }
        /// Whether it is a weight matrix of a block.
        package var isBlockMatrix: Bool { isMatrix && name.hasPrefix("h.") }
        public var count: Int { shape.reduce(1, *) }
    }

    /// The tensors of one transformer block.
    package struct Block {
        package let ln1Gamma, ln1Beta: Matrix
        /// [d, 3d] and [3d]: queries, keys and values side by side.
        package let qkvWeight, qkvBias: Matrix
        /// [d, d] and [d]: W_O, one band of rows for each head.
        package let outWeight, outBias: Matrix
        package let ln2Gamma, ln2Beta: Matrix
        /// [d, inner] and [inner].
        package let innerWeight, innerBias: Matrix
        /// [inner, d] and [d].
        package let outerWeight, outerBias: Matrix
        package let activation: GELU
        /// What attention scores are multiplied by.
        package let attentionScale: Float
    }

    public let config: GPT2Config
    /// All tensors in a checkpoint's order.
    public let entries: [Entry]
    /// The tensors' values, in the order of `entries`.
    package let views: [Matrix]
    /// [vocabulary, d]: the embedding and, tied to it, the unembedding.
    package let tokenTable: Matrix
    /// [context, d].
    package let positionTable: Matrix
    package let blocks: [Block]
    package let finalGamma, finalBeta: Matrix
    /// Keeps the memory of the views alive.
    private let owners: [AnyObject]

    init(config: GPT2Config, views: [Matrix], owners: [AnyObject]) {
        self.config = config
        self.views = views
        self.owners = owners
        entries = Self.entries(of: config)
        var rest = views[...]
        func next() -> Matrix { rest.removeFirst() }
        tokenTable = next()
        positionTable = next()
        blocks = (0..<config.layers).map { layer in
            Block(
                ln1Gamma: next(), ln1Beta: next(), qkvWeight: next(), qkvBias: next(), outWeight: next(),
                outBias: next(), ln2Gamma: next(), ln2Beta: next(), innerWeight: next(), innerBias: next(),
                outerWeight: next(), outerBias: next(), activation: config.activation,
                attentionScale: config.attentionScale(layer: layer)
            )
        }
        finalGamma = next()
        finalBeta = next()
    }

    /// - Throws: ``IOIError`` if the weights of such a model take more memory than is available.
    package static func checkMemory(for config: GPT2Config) throws {
        let count = entries(of: config).reduce(0.0) {
            $0 + Double($1.matrixShape.rows) * Double($1.matrixShape.columns)
        }
        try MachineMemory.check(count * Double(MemoryLayout<Float>.stride), for: "a model of this shape")
    }

    /// All zeros.
    ///
    /// - Parameters:
    ///   - config: the shape of the model.
    ///   - sharesBlocks: whether all blocks have one block's memory: for values that are used before the next block's are
    ///     computed.
    public convenience init(zeros config: GPT2Config, sharingBlocks sharesBlocks: Bool = false) {
        let (arena, views) = Arena.holding { Self.layOut(config, sharingBlocks: sharesBlocks, in: $0) }
        self.init(config: config, views: views, owners: [arena])
    }

    private static func layOut(_ config: GPT2Config, sharingBlocks sharesBlocks: Bool, in arena: Arena) -> [Matrix] {
        let others = entries(ofBlock: 0).upperBound..<entries(ofBlock: config.layers - 1).upperBound
        return entries(of: config).enumerated().reduce(into: []) { views, next in
            let shape = next.element.matrixShape
            views.append(
                sharesBlocks && others.contains(next.offset)
                    ? views[next.offset - entriesPerBlock] : arena.take(shape.rows, shape.columns)
            )
        }
    }

    /// The bytes that ``init(zeros:sharingBlocks:)`` takes.
    package static func bytes(_ config: GPT2Config, sharingBlocks sharesBlocks: Bool = false) -> Int {
        Arena.bytes { layOut(config, sharingBlocks: sharesBlocks, in: $0) }
    }

    private static let entriesPerBlock = 12

    /// Which of `entries` are those of a block.
    package static func entries(ofBlock layer: Int) -> Range<Int> {
        let first = 2 + layer * entriesPerBlock
        return first..<first + entriesPerBlock
    }

    /// Which of `entries` are computed together, in the order in which a backward pass completes them: those of each block
    /// from the last to the first, the embeddings, and the final LayerNorm.
    package static func groups(_ config: GPT2Config) -> [Range<Int>] {
        let last = entries(ofBlock: config.layers - 1).upperBound
        return (0..<config.layers).reversed().map { entries(ofBlock: $0) } + [0..<2, last..<last + 2]
    }

    /// Where the values of some of `entries` lie among all values.
    package static func values(of entries: Range<Int>, _ config: GPT2Config) -> Range<Int> {
        let all = self.entries(of: config)
        let first = all[..<entries.lowerBound].reduce(0) { $0 + $1.count }
        return first..<all[entries].reduce(first) { $0 + $1.count }
    }

    /// The tensors that have some of `values`, a range of all values, and which of theirs these are.
    package func tensors(in values: Range<Int>) -> [(entry: Int, values: Range<Int>)] { entries.tensors(in: values) }

    /// Copies the values into an arena. Training directly on a mapped file would fault on every page.
    package convenience init(copying other: GPT2Parameters, workers: Workers) {
        self.init(copying: [0..<other.count], of: other, workers: workers)
    }

    /// Copies some values into an arena; the others are zeros, which take no memory until they are written.
    ///
    /// - Parameter ranges: which, as ranges of all values.
    package convenience init(copying ranges: [Range<Int>], of other: GPT2Parameters, workers: Workers) {
        self.init(zeros: other.config)
        for (index, values) in ranges.flatMap({ other.tensors(in: $0) }) {
            let (copy, source) = (views[index].base, other.views[index].base)
            workers.share(values.count, grain: 1024, nanoseconds: 0.3) { shares in
                let start = values.lowerBound + shares.lowerBound
                (copy + start).update(from: source + start, count: shares.count)
            }
        }
    }

    /// The same weights, with the parts that products in the precision of `workers` multiply, so that they are made once
    /// and not for each product.
    ///
    /// The values are the same memory; when they change, ``split(workers:)`` makes the parts anew.
    package func withParts(workers: Workers) -> GPT2Parameters {
        let count = workers.precision.parts
        guard count > 0 else { return self }
        let (arena, views) = Arena.holding { arena in
            zip(entries, self.views).map { entry, view in
                entry.isFactor ? view.with(BFloat16Parts(of: view, count: count, in: arena)) : view
            }
        }
        let split = GPT2Parameters(config: config, views: views, owners: owners + [arena])
        split.split(workers: workers)
        return split
    }

    /// The bytes that the parts of ``withParts(workers:)`` take.
    package static func partBytes(_ config: GPT2Config, _ precision: Precision) -> Int {
        2 * precision.parts * entries(of: config).reduce(0) { $0 + ($1.isFactor ? $1.count : 0) }
    }

    /// Makes the parts of the weights that have them.
    package func split(workers: Workers) {
        for view in views where view.parts != nil { view.split(workers: workers) }
    }

    /// GPT-2's initialisation (Radford et al. 2019): normal weights with standard deviation `deviation`, divided by
    /// √(2 · layers) for the projections into the residual stream; biases 0, LayerNorm scales 1.
    ///
    /// - Parameters:
    ///   - positionDeviation: for the position embedding; nil for `deviation`.
    ///   - seed: the seed of everything drawn at random.
    ///   - config: the shape of the model.
    ///   - deviation: the standard deviation of the weights.
    ///   - workers: the threads that compute.
    public convenience init(
        random config: GPT2Config,
        seed: UInt64,
        deviation: Double = 0.02,
        positionDeviation: Double? = nil,
        workers: Workers
    ) {
        self.init(zeros: config)
        workers.share(entries.count) { shares in
            for index in shares {
                let (name, view) = (entries[index].name, views[index])
                if name.hasSuffix("weight"), !entries[index].isMatrix {
                    view.fill(1)
                } else if entries[index].isMatrix {
                    let deviation =
                        if name.hasSuffix("c_proj.weight") {
                            deviation / (2 * Double(config.layers)).squareRoot()
                        } else if name == "wpe.weight" {
                            positionDeviation ?? deviation
                        } else {
                            deviation
                        }
                    var generator = SeededGenerator(seed, name)
                    for i in 0..<view.rows * view.columns { view.base[i] = Float(generator.normal() * deviation) }
                }
            }
        }
    }

    /// The Euclidean norm of all weights as one vector, independent of the number of workers.
    package func norm(workers: Workers) -> Double {
        views.reduce(0) { $0 + $1.sumOfSquares(workers: workers) }.squareRoot()
    }

    /// The sum of the squares of some of all values, independent of the number of workers.
    package func sumOfSquares(of values: Range<Int>, workers: Workers) -> Double {
        let columns = 1024
        return tensors(in: values).reduce(0) { sum, tensor in
            let (base, rows) = (views[tensor.entry].base + tensor.values.lowerBound, tensor.values.count / columns)
            let rest = Matrix(base: base + rows * columns, rows: 1, columns: tensor.values.count % columns)
            return sum + Matrix(base: base, rows: rows, columns: columns).sumOfSquares(workers: workers)
                + rest.sumOfSquares(workers: workers)
        }
    }

    /// A number that differs, but for a rare chance, between weights that are not the same bits.
    package func digest(workers: Workers) -> Int {
        // Of Fowler, Noll and Vo, in words.
        func digest(_ words: some Sequence<UInt64>) -> UInt64 {
            words.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01b3 }
        }
        let rows = views.flatMap { view in
            workers.map(view.rows) { row in
                digest(UnsafeBufferPointer(start: view[row], count: view.columns).lazy.map { UInt64($0.bitPattern) })
            }
        }
        return Int(bitPattern: UInt(digest(rows)))
    }

    /// The number of weights.
    public var count: Int { entries.reduce(0) { $0 + $1.count } }

    /// The values of one tensor, row-major; nil if there is no tensor of that name.
    public func values(of name: String) -> [Float]? {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
        return Array(UnsafeBufferPointer(start: views[index].base, count: entries[index].count))
    }

    /// The name of the first tensor with a NaN or an infinity, if any.
    public func firstNonFinite(workers: Workers) -> String? {
        zip(entries, views).first { !$1.isFinite(workers: workers) }?.0.name
    }

    /// The tensors of a model of this shape, in a checkpoint's order.
    public static func entries(of config: GPT2Config) -> [Entry] {
        let (d, inner) = (config.width, config.innerWidth)
        var entries = [
            Entry(name: "wte.weight", shape: [config.vocabularySize, d]),
            Entry(name: "wpe.weight", shape: [config.contextLength, d]),
        ]
        func add(_ module: String, _ weight: [Int], bias: Int) {
            entries.append(Entry(name: "\(module).weight", shape: weight))
            entries.append(Entry(name: "\(module).bias", shape: [bias]))
        }
        for layer in 0..<config.layers {
            add("h.\(layer).ln_1", [d], bias: d)
            add("h.\(layer).attn.c_attn", [d, 3 * d], bias: 3 * d)
            add("h.\(layer).attn.c_proj", [d, d], bias: d)
            add("h.\(layer).ln_2", [d], bias: d)
            add("h.\(layer).mlp.c_fc", [d, inner], bias: inner)
            add("h.\(layer).mlp.c_proj", [inner, d], bias: d)
        }
        add("ln_f", [d], bias: d)
        return entries
    }
}

extension [GPT2Parameters.Entry] {
    /// Those that have some of `values`, a range of all values, and which of theirs these are.
    func tensors(in values: Range<Int>) -> [(entry: Int, values: Range<Int>)] {
        var first = 0
        return enumerated().compactMap { index, entry in
            let own = values.clamped(to: first..<first + entry.count)
            defer { first += entry.count }
            return own.isEmpty ? nil : (index, own.lowerBound - first..<own.upperBound - first)
        }
    }
}

extension GPT2Parameters.Entry {
    /// Whether products multiply by it.
    fileprivate var isFactor: Bool { isBlockMatrix || name == "wte.weight" }

    /// A vector counts as one row.
    var matrixShape: (rows: Int, columns: Int) { (shape.count > 1 ? shape[0] : 1, shape.last!) }
}

extension Matrix {
    /// The sum of the rows' sums, in their order.
    fileprivate func sumOfSquares(workers: Workers) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: rows) { sums in
            nonisolated(unsafe) let sums = sums
            workers.share(rows, nanoseconds: 0.3 * Double(columns)) { shares in
                for row in shares {
                    let values = self[row]
                    var lanes = Lanes.zero
                    var rest: Float = 0
                    forEachLanes(columns) {
                        lanes += values.lanes($0) * values.lanes($0)
                    } tail: {
                        for i in $0 { rest += values[i] * values[i] }
                    }
                    sums[row] = Double(lanes.sum() + rest)
                }
            }
            return sums.reduce(0, +)
        }
    }

    func isFinite(workers: Workers) -> Bool {
        let flags = UnsafeMutablePointer<Bool>.allocate(capacity: rows)
        defer { flags.deallocate() }
        workers.share(rows, nanoseconds: 0.3 * Double(columns)) { shares in
            for row in shares {
                let values = self[row]
                // x · 0 is 0 if x is finite and NaN otherwise.
                var lanes = Lanes.zero
                var rest: Float = 0
                forEachLanes(columns) {
                    lanes += values.lanes($0) * 0
                } tail: {
                    for i in $0 { rest += values[i] * 0 }
                }
                flags[row] = lanes.sum() + rest == 0
            }
        }
        return (0..<rows).allSatisfy { flags[$0] }
    }
}

/// The weight matrices of one head, without biases, as views into the model's.
package struct HeadWeights {
    /// W_Q, W_K and W_V: [d, head width].
    package let query, key, value: Matrix
    /// The head's rows of W_O: [head width, d].
    package let output: Matrix
}

extension GPT2Parameters {
    package func weights(of head: Head) -> HeadWeights {
        let (block, d, width) = (blocks[head.layer], config.width, config.headWidth)
        func part(_ index: Int) -> Matrix {
            let first = index * d + head.index * width
            return block.qkvWeight.slice(columns: first..<first + width)
        }
        return HeadWeights(
            query: part(0), key: part(1), value: part(2),
            output: block.outWeight.slice(rows: head.index * width..<(head.index + 1) * width)
        )
    }
}
