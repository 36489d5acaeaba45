/// The difference between the weights of two models of the same shape, A and B: for each tensor, for each component of
/// each block, and in total. Where one of them has more tokens, the rows that both have are compared.
///
/// Norms are Euclidean norms of flattened tensors. Sums are in double precision.
public struct ModelDifference: Equatable, Sendable {
    /// The size of a change.
    public struct Size: Equatable, Sendable {
        /// The number of weights compared.
        public fileprivate(set) var count = 0
        /// ‖W_B − W_A‖.
        public fileprivate(set) var change = 0.0
        /// ‖W_A‖.
        public fileprivate(set) var reference = 0.0
        /// The largest |W_B − W_A| of a single weight.
        public fileprivate(set) var largest = 0.0

        /// The change relative to ‖W_A‖; nil if that is 0 and the change is not.
        public var relative: Double? { change == 0 ? 0 : reference == 0 ? nil : change / reference }
    }

    public struct Tensor: Equatable, Sendable {
        /// The name in a checkpoint, without the `transformer.` prefix.
        public fileprivate(set) var name = ""
        public fileprivate(set) var shape: [Int] = []
        public fileprivate(set) var size = Size()
    }

    /// A component of a model. Weights and biases are combined, and so are a block's two LayerNorms.
    public enum Component: String, CaseIterable, Codable, Sendable {
        case q, k, v, o
        case mlpIn = "mlp_in"
        case mlpOut = "mlp_out"
        case layerNorm = "ln"
        case tokenEmbedding = "token_embedding"
        case positionEmbedding = "position_embedding"
        case finalLayerNorm = "final_ln"
    }

    public struct Part: Equatable, Sendable {
        /// nil for components outside blocks.
        public fileprivate(set) var block: Int?
        public fileprivate(set) var component = Component.q
        public fileprivate(set) var size = Size()
    }

    /// Whether two models' files agree.
    public enum Likeness: String, Codable, Sendable {
        case same, different
        /// At least one of the models has no such file.
        case missing
    }

    public private(set) var config = Likeness.missing
    public private(set) var tokenizer = Likeness.missing
    /// The change in all weights.
    public private(set) var total = Size()
    /// By block, then components outside blocks.
    public private(set) var parts: [Part] = []
    /// In checkpoint order.
    public private(set) var tensors: [Tensor] = []

    /// The sizes of the vocabularies of A and B; nil if they are the same.
    public private(set) var vocabularySizes: [Int]?

    /// Whether all weights are equal.
    public var isSameWeights: Bool { total.largest == 0 && vocabularySizes == nil }

    /// The tensors, largest relative change first.
    public var mostChanged: [Tensor] {
        func rank(_ tensor: Tensor) -> Double { tensor.size.relative ?? .infinity }
        return tensors.sorted { (rank($0), $0.size.change, $1.name) > (rank($1), $1.size.change, $0.name) }
    }

    /// - Throws: `IOIError` naming the dimension in which the shapes differ, or a token that is another in B.
    public init(_ a: GPT2, _ b: GPT2, workers: Workers) throws {
        try a.checkComparable(with: b, as: "the model")
        let tokenizer: Likeness =
            if let one = a.tokenizer, let other = b.tokenizer {
                one == other ? .same : .different
            } else {
                .missing
            }
        try self.init(a.parameters, b.parameters, tokenizer: tokenizer, workers: workers)
    }

    init(_ a: GPT2Parameters, _ b: GPT2Parameters, tokenizer: Likeness, workers: Workers) throws {
        try a.config.checkShape(of: b.config, host: "the model")
        guard a.config.contextLength == b.config.contextLength else {
            throw IOIError(
                "the donor's n_positions: found \(b.config.contextLength), "
                    + "expected the model's \(a.config.contextLength)"
            )
        }
        self.tokenizer = tokenizer
        config = a.config == b.config ? .same : .different
        let sizes = [a, b].map(\.config.vocabularySize)
        vocabularySizes = sizes[0] == sizes[1] ? nil : sizes
        var (all, tensors, byPlace) = (Sums(), [Tensor](), [Place: Sums]())
        for (entry, (one, other)) in zip(a.entries, zip(a.views, b.views)) {
            let (block, components) = Self.components(of: entry)
            let width = one.columns / components.count
            let rows = min(one.rows, other.rows)
            let (one, other) = (one.prefix(rows), other.prefix(rows))
            var whole = Sums()
            for (index, component) in components.enumerated() {
                let columns = index * width..<(index + 1) * width
                let sums = Sums(one.slice(columns: columns), other.slice(columns: columns), workers: workers)
                byPlace[Place(block: block, component: component), default: Sums()].add(sums)
                whole.add(sums)
            }
            all.add(whole)
            let shape = entry.isMatrix ? [rows, one.columns] : entry.shape
            tensors.append(Tensor(name: entry.name, shape: shape, size: whole.size))
        }
        total = all.size
        self.tensors = tensors
        let blocks = (0..<a.config.layers).map(Optional.some) + [nil]
        parts = blocks.flatMap { block in
            Component.allCases.compactMap { component in
                byPlace[Place(block: block, component: component)].map {
                    Part(block: block, component: component, size: $0.size)
                }
            }
        }
    }

    private struct Place: Hashable {
        let block: Int?
        let component: Component
    }

    /// A tensor's block, and the components that divide its columns equally.
    private static func components(of entry: GPT2Parameters.Entry) -> (block: Int?, components: [Component]) {
        let words = entry.name.split(separator: ".")
        guard words[0] == "h" else {
            return (
                nil, [words[0] == "wte" ? .tokenEmbedding : words[0] == "wpe" ? .positionEmbedding : .finalLayerNorm]
            )
        }
        let components: [Component] =
            switch (words[2], words[3]) {
            case ("attn", "c_attn"): [.q, .k, .v]
            case ("attn", _): [.o]
            case ("mlp", "c_fc"): [.mlpIn]
            case ("mlp", _): [.mlpOut]
            default: [.layerNorm]
            }
        return (Int(words[1]), components)
    }
}

/// Sums over pairs of numbers.
private struct Sums {
    var count = 0
    /// Sums of squares of the differences and of A's weights.
    var change = 0.0
    var reference = 0.0
    var largest = 0.0

    init() {}

    /// The result does not depend on the number of workers.
    init(_ a: Matrix, _ b: Matrix, workers: Workers) {
        let rows = UnsafeMutablePointer<Sums>.allocate(capacity: a.rows)
        defer { rows.deallocate() }
        workers.share(a.rows) { shares in
            for row in shares { (rows + row).initialize(to: Sums(a.row(row), b.row(row))) }
        }
        for row in 0..<a.rows { add(rows[row]) }
    }

    private init(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) {
        count = a.count
        for (a, b) in zip(a, b) {
            let difference = Double(b) - Double(a)
            change += difference * difference
            reference += Double(a) * Double(a)
            largest = max(largest, abs(difference))
        }
    }

    mutating func add(_ other: Sums) {
        count += other.count
        change += other.change
        reference += other.reference
        largest = max(largest, other.largest)
    }

    var size: ModelDifference.Size {
        .init(count: count, change: change.squareRoot(), reference: reference.squareRoot(), largest: largest)
    }
}

extension ModelDifference: FieldCoded {
    init() {}

    static var fields: [Field<ModelDifference>] {
        [
            .computed("same_weights", \.isSameWeights), .value("config", \.config), .value("tokenizer", \.tokenizer),
            .optional("vocabulary_sizes", \.vocabularySizes), .value("total", \.total), .value("components", \.parts),
            .value("tensors", \.tensors),
        ]
    }
}

extension ModelDifference.Size: FieldCoded {
    static var fields: [Field<ModelDifference.Size>] {
        [
            .value("count", \.count), .value("change", \.change), .value("reference", \.reference),
            .computed("relative", \.relative), .value("largest", \.largest),
        ]
    }
}

extension ModelDifference.Tensor: FieldCoded {
    static var fields: [Field<ModelDifference.Tensor>] {
        [.inline(\.size), .value("name", \.name), .value("shape", \.shape)]
    }
}

extension ModelDifference.Part: FieldCoded {
    static var fields: [Field<ModelDifference.Part>] {
        [.inline(\.size), .nullable("block", \.block), .value("component", \.component)]
    }
}
