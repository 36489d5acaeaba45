/// A place inside the model whose values can be read. Raw values are TransformerLens's names.
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
    /// The output of attention, with W_O's bias. [d]
    case attnOut = "attn_out"
    /// The residual stream between attention and MLP. [d]
    case residMid = "resid_mid"
    /// The output of the MLP. [d]
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

    /// Where in a block the site is edited.
    package var stage: Stage {
        switch self {
        case .residPre: .residPre
        case .q, .k, .v, .pattern: .qkv
        case .z, .result: .z
        case .attnOut: .attnOut
        case .residMid: .residMid
        case .mlpOut: .mlpOut
        case .residPost: .residPost
        }
    }
}

extension Node {
    /// The node's output before it is added to the residual stream: z of a head, the output of an MLP.
    package var site: Site {
        switch self {
        case .head: .z
        case .mlp: .mlpOut
        }
    }
}

/// The points of a block, in the order of computation, where a patched run can leave the cached run.
package enum Stage: Int, CaseIterable, Comparable {
    case residPre, qkv, z, attnOut, residMid, mlpOut, residPost

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
