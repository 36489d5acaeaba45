import Foundation

/// A score for every edge of a model's graph, with a circuit among them, in the form of MIB's circuit track (Mueller et
/// al. 2504.13151) and of EAP-IG's code (Hanna et al. 2403.17806).
///
/// `{"cfg": {"n_layers", "n_heads", "parallel_attn_mlp", "d_model"}, "nodes": {"a0.h1": {"in_graph"}, …}, "edges":
/// {"a0.h1->a1.h2<q>": {"score", "in_graph"}, …}}`. Nodes are `input`, heads such as `a0.h1`, MLPs such as `m0`, and
/// `logits`; edges into heads end in `<q>`, `<k>` or `<v>`.
///
/// A score is Σ (corrupted − clean output of the sender) · ∂loss/∂(input of the receiver). With the loss −LD, which
/// MIB's attribution script uses, that is the score of ``EdgeAttribution``: positive where the edge raises the logit
/// difference. The form does not say which loss was taken, so no sign is changed in reading or writing. A file scored
/// by the change of the metric itself, such as MIB's published `ioi-eap-ig.json`, has the opposite sign.
public struct MIBCircuit: Equatable, Sendable {
    public let graph: Graph
    /// The width of the residual stream.
    public let width: Int
    /// By edge, in the graph's order. [edges]
    public let scores: [Double]
    /// The edges in the circuit.
    public let edges: EdgeSet
    /// The heads in the circuit, in ascending order.
    public let heads: [Head]

    /// - Parameters:
    ///   - scores: by edge. [edges]
    ///   - edges: those in the circuit.
    ///   - width: that of the residual stream.
    public init(_ edges: EdgeSet, scores: [Double], width: Int) {
        (graph, heads) = (edges.graph, edges.heads)
        (self.width, self.scores, self.edges) = (width, scores, edges)
    }

    /// The circuit, with its heads in one class and its MLPs in another, at all positions.
    ///
    /// - Throws: `IOIError` if it has no heads.
    public var circuit: Circuit {
        get throws {
            guard !heads.isEmpty else {
                throw IOIError("nodes: found no head whose in_graph is true, expected at least one")
            }
            return try Circuit(
                model: "unnamed, of \(graph.layers) layers with \(graph.heads) heads",
                classes: [("heads", heads.map(Node.head)), ("MLPs", edges.nodes.filter { $0.mlp != nil })]
                    .filter { !$0.1.isEmpty }.map { HeadClass(name: $0, nodes: $1, position: .all) },
                edges: edges.edges.map(graph.name)
            )
        }
    }
}

// MARK: - Files

extension MIBCircuit {
    /// Reads a file of this form.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - config: the shape of the model that it has to be for; nil for any.
    /// - Throws: `IOIError` naming the file and the field, with what was found and what was expected.
    public init(contentsOf file: URL, for config: GPT2Config? = nil) throws {
        try self.init(try InputFile.read(file), path: file.path, for: config)
    }

    /// - Parameter path: names the text in errors.
    init(_ json: Data, path: String, for config: GPT2Config?) throws {
        let contents = try InputFile.decode(Contents.self, from: json, path: path)
        do {
            try self.init(contents)
            if let config { try check(config) }
        } catch let error as IOIError {
            throw IOIError("\(path): \(error)")
        }
    }

    /// Whether a JSON object is of this form and not one of ``Circuit``.
    static func isForm(_ json: Data) -> Bool {
        struct Keys: Decodable {
            let isForm: Bool

            private enum CodingKeys: CodingKey {
                case cfg, nodes, classes
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                isForm = !container.contains(.classes) && (container.contains(.cfg) || container.contains(.nodes))
            }
        }
        return (try? JSONDecoder().decode(Keys.self, from: json))?.isForm == true
    }

    /// What the JSON holds.
    fileprivate struct Contents: Decodable {
        struct Config: Decodable {
            let layers, heads, width: WholeNumber
            let isParallel: Bool

            enum CodingKeys: String, CodingKey {
                case layers = "n_layers"
                case heads = "n_heads"
                case width = "d_model"
                case isParallel = "parallel_attn_mlp"
            }
        }
        struct Node: Decodable {
            let isKept: Bool

            enum CodingKeys: String, CodingKey {
                case isKept = "in_graph"
                case neurons
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                isKept = try container.decode(Bool.self, forKey: .isKept)
                if container.contains(.neurons) {
                    throw DecodingError.dataCorruptedError(
                        forKey: .neurons, in: container, debugDescription: "expected a circuit of whole nodes")
                }
            }
        }
        struct Edge: Decodable {
            let score: Double
            let isKept: Bool

            enum CodingKeys: String, CodingKey {
                case score
                case isKept = "in_graph"
            }
        }

        let cfg: Config
        let nodes: [String: Node]
        let edges: [String: Edge]

        private enum CodingKeys: CodingKey {
            case cfg, nodes, edges
            // Of other files.
            case schema, classes
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            if container.contains(.schema) || container.contains(.classes) {
                throw IOIError(
                    "found \(container.contains(.schema) ? "results" : "a circuit") without the scores of most edges, "
                        + "expected the scores of all, in the form of MIB's circuits, in which discovery can save them"
                )
            }
            cfg = try container.decode(Config.self, forKey: .cfg)
            nodes = try container.decode([String: Node].self, forKey: .nodes)
            edges = try container.decode([String: Edge].self, forKey: .edges)
        }
    }

    private init(_ contents: Contents) throws {
        let (layers, heads) = (contents.cfg.layers.value, contents.cfg.heads.value)
        try IOIError.check("cfg.n_layers", layers, in: 1...1000)
        try IOIError.check("cfg.n_heads", heads, in: 1...1000)
        guard !contents.cfg.isParallel else {
            throw IOIError("cfg.parallel_attn_mlp: found true, expected false as in GPT-2")
        }
        // Before the graph is made, whose size grows with the square of the number of nodes.
        guard contents.nodes.count > layers * (heads + 1) else {
            throw IOIError(
                "nodes: found \(contents.nodes.count), expected the input, logits and \(layers * (heads + 1)) heads and "
                    + "MLPs"
            )
        }
        // Each node but the first reads all before it.
        let count = layers * (heads + 1)
        guard contents.edges.count > count * count / 2 else {
            throw IOIError(
                "edges: found \(contents.edges.count), expected more than \(count * count / 2) of the shape in cfg")
        }
        let graph = Graph(layers: layers, heads: heads)
        let nodes = graph.senders.map(\.mibName) + ["logits"]
        try Self.check("nodes", contents.nodes.keys, nodes)
        let names = graph.edges.map(graph.mibName(of:))
        try Self.check("edges", contents.edges.keys, names)
        let entries = names.map { contents.edges[$0]! }
        self.graph = graph
        width = contents.cfg.width.value
        scores = entries.map(\.score)
        edges = EdgeSet(graph, indices: entries.indices.filter { entries[$0].isKept })
        self.heads = graph.senders.compactMap { sender in
            guard case .head(let head) = sender, contents.nodes[sender.mibName]!.isKept else { return nil }
            return head
        }
    }

    /// - Throws: `IOIError` naming the first name of the file that the graph lacks, or of the graph that the file lacks.
    private static func check(_ field: String, _ found: Dictionary<String, some Any>.Keys, _ expected: [String]) throws
    {
        let known = Set(expected)
        if let unknown = found.filter({ !known.contains($0) }).min() {
            throw IOIError("\(field): found \(unknown.quoted), expected \(field) of the shape in cfg")
        }
        let missing = expected.filter { !found.contains($0) }
        if let first = missing.first {
            let others = missing.count == 1 ? "" : " and \(missing.count - 1) more"
            throw IOIError(
                "\(field): found \(found.count), without \(first.quoted)\(others); expected all \(expected.count)")
        }
    }

    /// - Throws: `IOIError` if a model has another shape.
    private func check(_ config: GPT2Config) throws {
        func text(_ layers: Int, _ heads: Int, _ width: Int) -> String {
            "n_layers \(layers), n_heads \(heads), d_model \(width)"
        }
        guard (graph.layers, graph.heads, width) == (config.layers, config.heads, config.width) else {
            throw IOIError(
                "cfg: found \(text(graph.layers, graph.heads, width)), expected this model's "
                    + text(config.layers, config.heads, config.width)
            )
        }
    }

    /// The contents of a file, with nodes and edges in the order of MIB's own files, one a line.
    public var json: Data {
        let kept = Set(heads)
        let nodes = graph.senders.map { sender in
            let isKept =
                switch sender {
                case .head(let head): kept.contains(head)
                case .input, .mlp: edges.isRead(sender)
                }
            return "\"\(sender.mibName)\": {\"in_graph\": \(isKept)}"
        }
        // Layer by layer all edges into its heads, by sender, and then those into its MLP; the logits come last.
        func place(_ receiver: Int) -> Int {
            switch graph.receivers[receiver] {
            case .head(let head, _): 2 * head.layer
            case .mlp(let layer): 2 * layer + 1
            case .logits: 2 * graph.layers
            }
        }
        let order = graph.edges.map { (edge: $0, place: place($0.receiver)) }
            .sorted { ($0.place, $0.edge.sender, $0.edge.receiver) < ($1.place, $1.edge.sender, $1.edge.receiver) }
        let lines = order.map { edge, _ in
            "\"\(graph.mibName(of: edge))\": {\"score\": \(scores[graph.index(of: edge)]), "
                + "\"in_graph\": \(edges.contains(edge))}"
        }
        let text = """
            {"cfg": {"n_layers": \(graph.layers), "n_heads": \(graph.heads), "parallel_attn_mlp": false, \
            "d_model": \(width)},
            "nodes": {
            \((nodes + ["\"logits\": {\"in_graph\": true}"]).joined(separator: ",\n"))
            },
            "edges": {
            \(lines.joined(separator: ",\n"))
            }}

            """
        return Data(text.utf8)
    }
}

extension Graph {
    /// A name such as `a7.h3->a9.h9<q>`.
    fileprivate func mibName(of edge: Edge) -> String {
        "\(senders[edge.sender].mibName)->\(receivers[edge.receiver].mibName)"
    }
}

extension Graph.Sender {
    fileprivate var mibName: String {
        if case .head(let head) = self { head.mibName } else { description }
    }
}

extension Graph.Receiver {
    fileprivate var mibName: String {
        if case .head(let head, let input) = self { "\(head.mibName)<\(input.rawValue)>" } else { description }
    }
}

extension Head {
    fileprivate var mibName: String { "a\(layer).h\(index)" }
}
