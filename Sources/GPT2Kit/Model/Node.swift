/// A component of a model that writes to the residual stream: an attention head, written 9.9, or the MLP of a layer,
/// written m8.
///
/// Nodes are in the order of computation: by layer, each layer's heads before its MLP.
public enum Node: Hashable, Sendable, LosslessStringConvertible {
    case head(Head)
    case mlp(Int)

    /// nil unless `text` is a head such as 9.9, or `m` and the layer of an MLP.
    public init?(_ text: String) {
        if let head = Head(text) {
            self = .head(head)
            return
        }
        let digits = text.dropFirst()
        guard text.first == "m", digits.allSatisfy({ $0.isASCII && $0.isNumber }), let layer = Int(digits) else {
            return nil
        }
        self = .mlp(layer)
    }

    public var description: String {
        switch self {
        case .head(let head): head.description
        case .mlp(let layer): "m\(layer)"
        }
    }

    public var layer: Int {
        switch self {
        case .head(let head): head.layer
        case .mlp(let layer): layer
        }
    }

    /// nil for an MLP.
    public var head: Head? {
        guard case .head(let head) = self else { return nil }
        return head
    }

    /// The layer of an MLP; nil for a head.
    public var mlp: Int? {
        guard case .mlp(let layer) = self else { return nil }
        return layer
    }
}

extension Node: Comparable {
    public static func < (a: Node, b: Node) -> Bool { (a.layer, a.place) < (b.layer, b.place) }

    /// Where in its layer the node is computed.
    private var place: Int { head?.index ?? .max }
}

extension Node: TextCoded {
    package static var form: String { "\(Head.form), or an MLP as m and its layer, such as \"m8\"" }
}

extension GPT2Config {
    /// What is wrong with a node that this model lacks; nil for one that it has.
    package func problem(with node: Node) -> String? {
        switch node {
        case .head(let head): return problem(with: head)
        case .mlp(let layer):
            return layer < layers ? nil : "found MLP \(node), expected m0 to m\(layers - 1) in this model"
        }
    }
}
