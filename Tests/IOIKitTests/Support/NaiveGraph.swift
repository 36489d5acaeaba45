import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// A node of the graph, or one of the three inputs of a head.
enum NaiveNode: Hashable, Sendable, CustomStringConvertible {
    /// The token and position embeddings.
    case input
    case head(Head)
    /// What a head reads for its q, k or v.
    case headInput(Head, Site)
    case mlp(Int)
    case logits

    /// "input", "1.0", "1.0.q", "m1" or "logits".
    var description: String {
        switch self {
        case .input: "input"
        case .head(let head): "\(head)"
        case .headInput(let head, let site): "\(head).\(site.rawValue)"
        case .mlp(let layer): "m\(layer)"
        case .logits: "logits"
        }
    }

    /// Whether the node's output stands in the residual stream before `receiver` reads it.
    func sends(to receiver: NaiveNode) -> Bool {
        switch (self, receiver) {
        case (.input, .headInput), (.input, .mlp), (.input, .logits): true
        case (.head(let head), .headInput(let reader, _)): head.layer < reader.layer
        case (.head(let head), .mlp(let reader)): head.layer <= reader
        case (.mlp(let layer), .headInput(let reader, _)): layer < reader.layer
        case (.mlp(let layer), .mlp(let reader)): layer < reader
        case (.head, .logits), (.mlp, .logits): true
        default: false
        }
    }

    /// Where a run of a `NaiveModel` has what the node sends.
    func output(at position: Int) -> NaivePlace {
        switch self {
        case .input: NaivePlace(.residPre, layer: 0, position: position)
        case .head(let head): .head(head, .result, position: position)
        case .mlp(let layer): NaivePlace(.mlpOut, layer: layer, position: position)
        case .headInput, .logits: preconditionFailure("\(self) sends nothing")
        }
    }
}

struct NaiveEdge: Hashable, Sendable, CustomStringConvertible {
    /// input, a head or an MLP.
    let sender: NaiveNode
    /// An input of a head, an MLP or logits.
    let receiver: NaiveNode

    var description: String { "\(sender)→\(receiver)" }
}

extension GPT2Config {
    /// In the order in which they add to the residual stream.
    var naiveSenders: [NaiveNode] {
        [.input]
            + (0..<layers).flatMap { layer in
                (0..<heads).map { NaiveNode.head(Head(layer, $0)) } + [.mlp(layer)]
            }
    }

    /// In the order in which they read the residual stream: q, k and v of a layer's heads from first to last, its MLP.
    var naiveReceivers: [NaiveNode] {
        let layers = (0..<layers).flatMap { layer in
            let heads = (0..<heads).flatMap { head in
                [Site.q, .k, .v].map { NaiveNode.headInput(Head(layer, head), $0) }
            }
            return heads + [.mlp(layer)]
        }
        return layers + [.logits]
    }

    /// Receiver by receiver, each receiver's senders from first to last.
    var naiveEdges: [NaiveEdge] {
        naiveReceivers.flatMap { receiver in
            naiveSenders.filter { $0.sends(to: receiver) }.map { NaiveEdge(sender: $0, receiver: receiver) }
        }
    }
}

/// GPT-2 as a graph whose edges can be cut: every receiver has a residual stream of its own.
struct NaiveGraph: Sendable {
    /// What senders send, or receivers get, at each position.
    typealias Values = [NaiveNode: [[Double]]]

    let model: NaiveModel
    let edges: [NaiveEdge]

    init(_ model: NaiveModel) {
        self.model = model
        edges = model.config.naiveEdges
    }

    /// What every sender sends where an ablation replaces it in `prompts[index]`.
    func ablated(_ prompts: [Prompt], _ index: Int, _ kind: NaiveKnockout) -> Values {
        let (senders, positions) = (model.config.naiveSenders, prompts[index].tokens.indices)
        let places = senders.flatMap { sender in positions.map { sender.output(at: $0) } }
        let values = naiveAblation(model, prompts: prompts, index: index, places: places, kind: kind)
        return Dictionary(
            uniqueKeysWithValues: senders.map { sender in (sender, positions.map { values[sender.output(at: $0)]! }) }
        )
    }

    /// The metric of `prompts[index]` with the edges of a circuit alone, and its nodes where it keeps them.
    func isolated(
        _ circuit: EdgeCircuit,
        _ prompts: [Prompt],
        _ index: Int,
        _ kind: NaiveKnockout,
        metric: Metric = .logitDifference
    ) -> Double {
        let prompt = prompts[index]
        let all = Set(prompt.tokens.indices)
        var places = Dictionary(uniqueKeysWithValues: model.config.naiveSenders.map { ($0, all) })
        for (node, selection) in circuit.positions {
            let sender = node.head.map(NaiveNode.head) ?? .mlp(node.layer)
            places[sender] = Set(selection.positions(in: prompt.positions, count: prompt.tokens.count))
        }
        let kept = Set(zip(edges, circuit.edges.flags).filter(\.1).map(\.0))
        let run = run(prompt.tokens, ablated: ablated(prompts, index, kind), keeping: kept, at: places)
        return run.end.value(metric, of: prompt, from: self.run(prompt.tokens).end)
    }

    /// One whole run.
    ///
    /// - Parameters:
    ///   - kept: the edges along which the sender's own output flows, all if nil; along the others it is `ablated`'s.
    ///   - places: where senders are themselves, for every receiver; everywhere if nil. A sender that it does not have
    ///     is `ablated`'s everywhere.
    ///   - embedding: the output of the input node if not that of the tokens.
    ///   - moves: added to what receivers get.
    func run(
        _ tokens: [Int],
        ablated: Values = [:],
        keeping kept: Set<NaiveEdge>? = nil,
        at places: [NaiveNode: Set<Int>]? = nil,
        embedding: [[Double]]? = nil,
        adding moves: Values = [:]
    ) -> NaiveGraphRun {
        var own: Values = [.input: embedding ?? model.embedding(tokens)]

        /// Biases of the attention that stands before the receiver, and what each of its senders sends to it.
        func received(_ receiver: NaiveNode) -> [[Double]] {
            let senders = model.config.naiveSenders.filter { $0.sends(to: receiver) }
            return tokens.indices.map { position in
                var stream = moves[receiver]?[position] ?? Array(repeating: 0, count: model.config.width)
                for layer in 0..<model.config.layers where NaiveNode.head(Head(layer, 0)).sends(to: receiver) {
                    stream = sum(stream, model.tensors["h.\(layer).attn.c_proj.bias"]![0])
                }
                for sender in senders {
                    let isEdgeKept = kept?.contains(NaiveEdge(sender: sender, receiver: receiver)) ?? true
                    let isPlaceKept = places == nil || places![sender]?.contains(position) == true
                    stream = sum(stream, (isEdgeKept && isPlaceKept ? own : ablated)[sender]![position])
                }
                return stream
            }
        }

        for layer in 0..<model.config.layers {
            for index in 0..<model.config.heads {
                let head = Head(layer, index)
                func projection(_ site: Site, part: Int) -> [[Double]] {
                    let rows = model.layerNorm(received(.headInput(head, site)), "h.\(layer).ln_1", .ln1(layer))
                    let first = part * model.config.width + index * model.config.headWidth
                    return model.linear(rows, "h.\(layer).attn.c_attn").map {
                        Array($0[first..<first + model.config.headWidth])
                    }
                }
                let pattern = model.attention(projection(.q, part: 0), projection(.k, part: 1), layer)
                let z = product(pattern, projection(.v, part: 2))
                let rows = index * model.config.headWidth..<(index + 1) * model.config.headWidth
                own[.head(head)] = product(z, Array(model.tensors["h.\(layer).attn.c_proj.weight"]![rows]))
            }
            let rows = model.layerNorm(received(.mlp(layer)), "h.\(layer).ln_2", .ln2(layer))
            let neurons = model.linear(rows, "h.\(layer).mlp.c_fc").map { $0.map { gelu($0, model.config.activation) } }
            own[.mlp(layer)] = model.linear(neurons, "h.\(layer).mlp.c_proj")
        }
        let final = received(.logits)
        return NaiveGraphRun(outputs: own, end: NaiveRun(final: final, logits: model.logits(final)))
    }
}

struct NaiveGraphRun: Sendable {
    /// What each sender computed, whatever was sent in its place.
    let outputs: NaiveGraph.Values
    let end: NaiveRun
}
