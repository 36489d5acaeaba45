/// How far the weights of a model B lie from those of a model A of the same shape: per tensor, per part of each block
/// and in total.
///
/// Norms are Euclidean, over all weights as one vector, and summed in double precision.
public struct ModelDifference: Equatable, Encodable, Sendable {
    /// The size of a change.
    public struct Size: Equatable, Sendable {
        /// Weights compared.
        public let count: Int
        /// ‖W_B − W_A‖.
        public let change: Double
        /// ‖W_A‖.
        public let reference: Double
        /// The largest |W_B − W_A| of a single weight.
        public let largest: Double

        /// ‖W_B − W_A‖ / ‖W_A‖; nil if all of A's weights are 0 and some of B's are not.
        public var relative: Double? { change == 0 ? 0 : reference == 0 ? nil : change / reference }
    }

    public struct Tensor: Equatable, Sendable {
        /// The name in a checkpoint, without the `transformer.` prefix.
        public let name: String
        public let shape: [Int]
        public let size: Size
    }

    /// A part of a model. Weights and biases are taken together, as are a block's two LayerNorms.
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
        /// nil for embeddings and the final LayerNorm.
        public let block: Int?
        public let component: Component
        public let size: Size
    }

    /// Whether a file of both models has the same contents.
    public enum Likeness: String, Codable, Sendable {
        case same, different
        /// At least one of the models has none.
        case missing
    }

    /// Whether all weights are identical.
    public let isSameWeights: Bool
    public let config: Likeness
    public let tokenizer: Likeness
    public let total: Size
    /// Block by block, then embeddings and the final LayerNorm.
    public let parts: [Part]
    /// In a checkpoint's order.
    public let tensors: [Tensor]

    /// The tensors by relative change, largest first.
    public var mostChanged: [Tensor] {
        func rank(_ tensor: Tensor) -> Double { tensor.size.relative ?? .infinity }
        return tensors.sorted { (rank($0), $0.size.change, $1.name) > (rank($1), $1.size.change, $0.name) }
    }

    /// - Throws: ``IOIError`` naming the first dimension in which the models differ.
    public init(_ a: GPT2, _ b: GPT2, workers: Workers) throws {
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
        var (all, tensors, byPlace) = (Sums(), [Tensor](), [Place: Sums]())
        for (entry, (one, other)) in zip(a.entries, zip(a.views, b.views)) {
            let (block, components) = Self.components(of: entry)
            let width = one.columns / components.count
            var whole = Sums()
            for (index, component) in components.enumerated() {
                let columns = index * width..<(index + 1) * width
                let sums = Sums(one.slice(columns: columns), other.slice(columns: columns), workers: workers)
                byPlace[Place(block: block, component: component), default: Sums()].add(sums)
                whole.add(sums)
            }
            all.add(whole)
            tensors.append(Tensor(name: entry.name, shape: entry.shape, size: whole.size))
        }
        total = all.size
        isSameWeights = total.largest == 0
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

    private enum CodingKeys: String, CodingKey {
        case isSameWeights = "same_weights"
        case config, tokenizer, total
        case parts = "components"
        case tensors
    }

    private struct Place: Hashable {
        let block: Int?
        let component: Component
    }

    /// A tensor's block, and the components that its columns divide into equally.
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

/// Sums over pairs of weights.
private struct Sums {
    var count = 0
    /// Sums of squares: of the differences, and of A's weights.
    var change = 0.0
    var reference = 0.0
    var largest = 0.0

    init() {}

    /// Independent of the number of workers.
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

extension ModelDifference.Size: Encodable {
    private enum CodingKeys: CodingKey {
        case count, change, reference, relative, largest
    }

    // A missing value is written as null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(count, forKey: .count)
        try container.encode(change, forKey: .change)
        try container.encode(reference, forKey: .reference)
        try container.encode(relative, forKey: .relative)
        try container.encode(largest, forKey: .largest)
    }
}

extension ModelDifference.Tensor: Encodable {
    private enum CodingKeys: CodingKey {
        case name, shape
    }

    public func encode(to encoder: any Encoder) throws {
        try size.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(shape, forKey: .shape)
    }
}

extension ModelDifference.Part: Encodable {
    private enum CodingKeys: CodingKey {
        case block, component
    }

    public func encode(to encoder: any Encoder) throws {
        try size.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(block, forKey: .block)
        try container.encode(component, forKey: .component)
    }
}
