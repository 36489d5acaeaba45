/// A place inside the model whose values can be read. Raw values are the names that TransformerLens gives them.
public enum Site: String, CaseIterable, Codable, Sendable {
    /// The residual stream before a block. [d]
    case residPre = "resid_pre"
    /// A head's query, with its bias, not yet scaled. [head width]
    case q
    /// A head's key. [head width]
    case k
    /// A head's value. [head width]
    case v
    /// A head's attention after the softmax, one row for each query. [tokens]
    case pattern
    /// A head's output before W_O. [head width]
    case z
    /// A head's output after its band of W_O, without the bias. [d]
    case result
    /// What attention adds to the residual stream, with W_O's bias. [d]
    case attnOut = "attn_out"
    /// The residual stream between attention and MLP. [d]
    case residMid = "resid_mid"
    /// What the MLP adds to the residual stream. [d]
    case mlpOut = "mlp_out"
    /// The residual stream after a block. [d]
    case residPost = "resid_post"

    /// Whether each head has its own.
    public var isPerHead: Bool {
        switch self {
        case .q, .k, .v, .pattern, .z, .result: true
        case .residPre, .attnOut, .residMid, .mlpOut, .residPost: false
        }
    }
}
