import Foundation

/// The shape of a GPT-2 model, as Hugging Face's `config.json` gives it.
public struct GPT2Config: Sendable, Equatable {
    /// Tokens in the vocabulary (`vocab_size`).
    public let vocabularySize: Int
    /// The greatest length of a prompt, in tokens (`n_positions`).
    public let contextLength: Int
    /// Dimension of the residual stream, d (`n_embd`).
    public let width: Int
    /// Transformer blocks (`n_layer`).
    public let layers: Int
    /// Attention heads per block (`n_head`).
    public let heads: Int
    /// Neurons per MLP (`n_inner`).
    public let innerWidth: Int
    /// Added to the variance in LayerNorm (`layer_norm_epsilon`).
    public let layerNormEpsilon: Float
    /// The MLPs' activation (`activation_function`).
    public let activation: GELU
    /// Whether attention scores are divided by the number of the block, from 1 (`scale_attn_by_inverse_layer_idx`).
    public let scalesAttentionByLayer: Bool

    /// Dimension of a head's queries, keys and values.
    public var headWidth: Int { width / heads }

    /// - Parameters:
    ///   - innerWidth: nil for four times the width.
    ///   - width: the width of the residual stream.
    ///   - layers: the number of blocks.
    ///   - contextLength: the largest number of tokens of a prompt.
    ///   - heads: the number of heads of a block.
    ///   - layerNormEpsilon: ε of every LayerNorm.
    ///   - vocabularySize: the number of tokens.
    ///   - activation: the MLPs' activation.
    ///   - scalesAttentionByLayer: whether attention scores are divided by the number of the block, from 1.
    /// - Throws: ``IOIError`` naming the field of `config.json` that is out of range.
    public init(
        vocabularySize: Int,
        contextLength: Int,
        width: Int,
        layers: Int,
        heads: Int,
        innerWidth: Int? = nil,
        layerNormEpsilon: Float = 1e-5,
        activation: GELU = .tanh,
        scalesAttentionByLayer: Bool = false
    ) throws {
        // The bounds are far beyond any GPT-2, and no product of them overflows 64 bits.
        try Self.check("vocab_size", vocabularySize, 1...(1 << 24))
        try Self.check("n_positions", contextLength, 1...(1 << 20))
        try Self.check("n_embd", width, 1...(1 << 16))
        try Self.check("n_layer", layers, 1...(1 << 10))
        try Self.check("n_head", heads, 1...(1 << 16))
        guard width.isMultiple(of: heads) else {
            throw IOIError("n_head: found \(heads), expected a divisor of n_embd, \(width)")
        }
        let innerWidth = innerWidth ?? 4 * width
        try Self.check("n_inner", innerWidth, 1...(1 << 20))
        guard layerNormEpsilon > 0, layerNormEpsilon < 1 else {
            throw IOIError("layer_norm_epsilon: found \(layerNormEpsilon), expected a number between 0 and 1")
        }
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.width = width
        self.layers = layers
        self.heads = heads
        self.innerWidth = innerWidth
        self.layerNormEpsilon = layerNormEpsilon
        self.activation = activation
        self.scalesAttentionByLayer = scalesAttentionByLayer
    }

    private static func check(_ field: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw IOIError(
                "\(field): found \(value), expected an integer from "
                    + "\(range.lowerBound) to \(range.upperBound)"
            )
        }
    }

    /// A published GPT-2 (Radford et al. 2019); their heads have dimension 64.
    private init(width: Int, layers: Int) {
        vocabularySize = 50257
        contextLength = 1024
        self.width = width
        self.layers = layers
        heads = width / 64
        innerWidth = 4 * width
        layerNormEpsilon = 1e-5
        activation = .tanh
        scalesAttentionByLayer = false
    }

    /// GPT-2 small: 124 million parameters.
    public static let small = GPT2Config(width: 768, layers: 12)
    /// GPT-2 medium: 355 million parameters.
    public static let medium = GPT2Config(width: 1024, layers: 24)
    /// GPT-2 large: 774 million parameters.
    public static let large = GPT2Config(width: 1280, layers: 36)
    /// GPT-2 XL: 1.6 billion parameters.
    public static let xl = GPT2Config(width: 1600, layers: 48)
}

extension GPT2Config {
    /// What the attention scores of a block are multiplied by: 1 / √(head width), and less in later blocks if
    /// ``scalesAttentionByLayer``.
    func attentionScale(layer: Int) -> Float {
        let scale = 1 / Float(headWidth).squareRoot()
        return scalesAttentionByLayer ? scale / Float(layer + 1) : scale
    }

    /// - Parameter host: names the model of this config in errors.
    /// - Throws: ``IOIError`` naming the first dimension in which the donor differs. Only the vocabulary may be of another
    ///   size: an added token is no reason not to compare what both have.
    package func checkShape(of donor: GPT2Config, host: String = "the host") throws {
        let sizes: [(String, KeyPath<GPT2Config, Int>)] = [
            ("n_layer", \.layers), ("n_head", \.heads), ("n_embd", \.width), ("n_inner", \.innerWidth),
        ]
        for (name, size) in sizes where donor[keyPath: size] != self[keyPath: size] {
            throw IOIError(
                "the donor's \(name): found \(donor[keyPath: size]), expected \(host)'s \(self[keyPath: size])"
            )
        }
    }
}
