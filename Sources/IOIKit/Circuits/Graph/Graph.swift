import Foundation

/// A model as a computational graph (Conmy et al. 2304.14997, section 2), with an edge from each sender, which writes
/// to the residual stream, to each later receiver, which reads it.
///
/// Senders are in the order of writing, so each receiver reads a prefix of them.
public struct Graph: Equatable, Sendable {
    /// A node that writes to the residual stream.
    public enum Sender: Hashable, Sendable {
        /// Token and position embeddings.
        case input
        case head(Head)
        case mlp(Int)

        init(_ node: Node) {
            switch node {
            case .head(let head): self = .head(head)
            case .mlp(let layer): self = .mlp(layer)
            }
        }

        /// nil for the input.
        var node: Node? {
            switch self {
            case .input: nil
            case .head(let head): .head(head)
            case .mlp(let layer): .mlp(layer)
            }
        }
    }

    /// An input that reads the residual stream through a LayerNorm.
    public enum Receiver: Hashable, Sendable {
        case head(Head, HeadInput)
        case mlp(Int)
        case logits

        /// The node that the input is one of; nil for the logits.
        var node: Node? {
            switch self {
            case .head(let head, _): .head(head)
            case .mlp(let layer): .mlp(layer)
            case .logits: nil
            }
        }
    }

    /// The inputs of a head.
    public enum HeadInput: String, CaseIterable, Codable, Sendable {
        case q, k, v
    }

    /// An edge by the indices of its ends.
    public struct Edge: Hashable, Sendable {
        public let sender: Int
        public let receiver: Int
    }

    public let layers: Int
    public let heads: Int
    /// The input, then each layer's heads and its MLP.
    public let senders: [Sender]
    /// Each layer's heads with q, k and v, then its MLP, and finally the logits.
    public let receivers: [Receiver]
    /// The number of senders that each receiver reads.
    let senderCounts: [Int]
    /// The index of each receiver's first edge.
    private let offsets: [Int]

    public init(_ config: GPT2Config) { self.init(layers: config.layers, heads: config.heads) }

    init(layers: Int, heads: Int) {
        (self.layers, self.heads) = (layers, heads)
        var (senders, receivers, counts): ([Sender], [Receiver], [Int]) = ([.input], [], [])
        for layer in 0..<layers {
            for head in 0..<heads {
                for input in HeadInput.allCases {
                    receivers.append(.head(Head(layer, head), input))
                    counts.append(senders.count)
                }
            }
            senders += (0..<heads).map { .head(Head(layer, $0)) }
            receivers.append(.mlp(layer))
            counts.append(senders.count)
            senders.append(.mlp(layer))
        }
        receivers.append(.logits)
        counts.append(senders.count)
        (self.senders, self.receivers, senderCounts) = (senders, receivers, counts)
        offsets = counts.indices.map { counts[..<$0].reduce(0, +) }
    }

    /// The number of edges: 32,491 in GPT-2 small.
    public var edgeCount: Int { offsets.last! + senderCounts.last! }

    func index(of sender: Sender) -> Int {
        switch sender {
        case .input: 0
        case .head(let head): 1 + head.layer * (heads + 1) + head.index
        case .mlp(let layer): (layer + 1) * (heads + 1)
        }
    }

    func index(of receiver: Receiver) -> Int {
        switch receiver {
        case .head(let head, let input):
            head.layer * (3 * heads + 1) + 3 * head.index + HeadInput.allCases.firstIndex(of: input)!
        case .mlp(let layer): (layer + 1) * (3 * heads + 1) - 1
        case .logits: receivers.count - 1
        }
    }

    /// The receivers that belong to the same node as a sender; none for the input.
    func receivers(of sender: Sender) -> [Int] {
        switch sender {
        case .input: []
        case .head(let head): HeadInput.allCases.map { index(of: Receiver.head(head, $0)) }
        case .mlp(let layer): [index(of: Receiver.mlp(layer))]
        }
    }

    /// The index of an edge in ``edges``.
    public func index(of edge: Edge) -> Int { offsets[edge.receiver] + edge.sender }

    /// The indices of the edges into a receiver.
    func edges(into receiver: Int) -> Range<Int> {
        offsets[receiver]..<offsets[receiver] + senderCounts[receiver]
    }

    /// All edges, by receiver and then by sender.
    public var edges: [Edge] {
        receivers.indices.flatMap { receiver in
            (0..<senderCounts[receiver]).map { Edge(sender: $0, receiver: receiver) }
        }
    }

    /// A name such as `7.3->9.9.q`, `input->m0` or `m11->logits`.
    public func name(of edge: Edge) -> String { "\(senders[edge.sender])->\(receivers[edge.receiver])" }

    /// The edge with a name; nil if there is none.
    public func edge(named name: String) -> Edge? {
        let ends = name.components(separatedBy: "->")
        guard ends.count == 2, let sender = Sender(ends[0]), let receiver = Receiver(ends[1]) else { return nil }
        for node in [sender.node, receiver.node] {
            if let node, node.layer >= layers || node.head.map({ $0.index >= heads }) == true { return nil }
        }
        let edge = Edge(sender: index(of: sender), receiver: index(of: receiver))
        return edge.sender < senderCounts[edge.receiver] ? edge : nil
    }
}

extension Graph.Sender: LosslessStringConvertible {
    public init?(_ text: String) {
        if text == "input" {
            self = .input
        } else if let node = Node(text) {
            self.init(node)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .input: "input"
        case .head(let head): head.description
        case .mlp(let layer): Node.mlp(layer).description
        }
    }
}

extension Graph.Receiver: LosslessStringConvertible {
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if text == "logits" {
            self = .logits
        } else if let layer = Node(text)?.mlp {
            self = .mlp(layer)
        } else if parts.count == 3, let head = Head("\(parts[0]).\(parts[1])"),
            let input = Graph.HeadInput(rawValue: String(parts[2]))
        {
            self = .head(head, input)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .logits: "logits"
        case .mlp(let layer): Node.mlp(layer).description
        case .head(let head, let input): "\(head).\(input.rawValue)"
        }
    }
}
