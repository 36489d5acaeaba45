import Foundation

/// The heads of a model that together perform a task, grouped into classes.
///
/// If any class names an MLP, the circuit is of heads and MLPs: those it does not name are no part of it. If none does,
/// it says nothing about MLPs, and all of them stay in the model.
public struct Circuit: Equatable, Sendable {
    /// The name of the model.
    public let model: String
    /// At least one, in the file's order.
    public let classes: [HeadClass]
    /// The paths between classes; empty if unknown.
    public let paths: [ClassPath]
    /// The names of the circuit's edges in the graph; empty if unknown.
    public let edges: [String]

    /// - Throws: `IOIError` if there are no classes, a class has no name or no nodes, a class name or node is
    ///   repeated, or a path refers to an unknown class.
    public init(model: String, classes: [HeadClass], paths: [ClassPath] = [], edges: [String] = []) throws {
        self.model = model
        self.classes = classes
        self.paths = paths
        self.edges = edges
        guard !classes.isEmpty else { throw IOIError("classes: found an empty list, expected at least one class") }
        if let nameless = classes.firstIndex(where: \.name.isEmpty) {
            throw IOIError("classes[\(nameless)].name: found \"\", expected a name")
        }
        if let twice = classes.map(\.name).firstRepeated() {
            throw IOIError("classes: found two named \(twice.quoted), expected distinct names")
        }
        var owners: [Node: String] = [:]
        for headClass in classes {
            let field = "heads of class \(headClass.name.quoted)"
            guard !headClass.nodes.isEmpty else {
                throw IOIError("\(field): found an empty list, expected at least one head or MLP")
            }
            for node in headClass.nodes {
                if let owner = owners.updateValue(headClass.name, forKey: node) {
                    let again = owner == headClass.name ? " twice," : ", which class \(owner.quoted) has as well;"
                    let kind = node.mlp == nil ? "head" : "MLP"
                    throw IOIError("\(field): found \(node)\(again) expected each \(kind) once in one class")
                }
            }
        }
        let names = classes.map(\.name)
        for path in paths {
            for (field, name) in [("from", path.from), ("to", path.to)]
            where !names.contains(name) && (field == "from" || name != "logits") {
                throw IOIError("paths: \(field): found the class \(name.quoted), expected one of the circuit's")
            }
        }
    }

    /// The circuit's edges in a model's graph; nil if it has neither edges nor paths.
    ///
    /// Given paths between classes, the edges are those between the nodes of each path's classes, and all edges from the
    /// input to the circuit's nodes and the logits. A circuit without MLPs has all edges from MLPs to its heads, to
    /// other MLPs and to the logits too, and all edges from its heads to MLPs: this cuts only direct edges from one
    /// head to another or to the logits that belong to no path.
    public func edgeSet(_ graph: Graph) -> EdgeSet? {
        guard edges.isEmpty else { return EdgeSet(graph, indices: edges.compactMap(graph.edge).map(graph.index)) }
        guard !paths.isEmpty else { return nil }
        let (classOfNode, namesMLPs) = (classOfNode, namesMLPs)
        /// Whether the circuit says which edges of a node it has.
        func isNamed(_ node: Node) -> Bool { namesMLPs || node.mlp == nil }
        func isKept(_ edge: Graph.Edge) -> Bool {
            let receiver = graph.receivers[edge.receiver]
            if let node = receiver.node, isNamed(node), classOfNode[node] == nil { return false }
            guard let sender = graph.senders[edge.sender].node, isNamed(sender) else { return true }
            guard let from = classOfNode[sender] else { return false }
            guard receiver.node.map(isNamed) ?? true else { return true }
            let to = receiver.node.map { classOfNode[$0]! } ?? "logits"
            return paths.contains { path in
                guard path.from == from, path.to == to else { return false }
                if case .head(_, let input) = receiver { return path.inputs.contains(input) }
                return true
            }
        }
        return EdgeSet(graph, indices: graph.edges.filter(isKept).map(graph.index))
    }

    /// The positions where each node is kept.
    ///
    /// - Parameter everywhere: whether to keep nodes at all positions instead of their classes'.
    public func positions(everywhere: Bool = false) -> [Node: PositionSelection] {
        Dictionary(
            uniqueKeysWithValues: classes.flatMap { headClass in
                headClass.nodes.map { ($0, everywhere ? .all : headClass.position) }
            }
        )
    }

    /// The heads and MLPs of all classes, in ascending order.
    public var nodes: [Node] { classes.flatMap(\.nodes).sorted() }

    /// The heads of all classes, in ascending order.
    public var heads: [Head] { nodes.compactMap(\.head) }

    /// The layers of the MLPs of all classes, in ascending order.
    public var mlps: [Int] { nodes.compactMap(\.mlp) }

    /// Whether MLPs are part of the circuit's description: those that it does not name are no part of it.
    public var namesMLPs: Bool { !mlps.isEmpty }

    /// The name of each node's class.
    var classOfNode: [Node: String] {
        Dictionary(uniqueKeysWithValues: classes.flatMap { headClass in headClass.nodes.map { ($0, headClass.name) } })
    }

    /// The number of nodes in words, such as `23 heads and 8 MLPs`.
    public var size: String {
        func count(_ number: Int, _ name: String) -> String { "\(number) \(name)\(number == 1 ? "" : "s")" }
        let parts = [heads.isEmpty ? nil : count(heads.count, "head"), namesMLPs ? count(mlps.count, "MLP") : nil]
        return parts.compactMap { $0 }.joined(separator: " and ")
    }

    /// - Parameters:
    ///   - field: the option that named the class.
    ///   - name: the name of the class.
    /// - Throws: `IOIError` for that option, listing the circuit's classes, if there is no such class.
    public func headClass(named name: String, field: String) throws -> HeadClass {
        guard let headClass = classes.first(where: { $0.name == name }) else {
            let choices = classes.map(\.name.quoted).joined(separator: ", ")
            throw IOIError.invalid(field, "found the class \(name.quoted), expected one of \(choices)")
        }
        return headClass
    }
}

extension Circuit: Codable {
    private enum CodingKeys: CodingKey {
        case model, classes, paths, edges
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            model: container.decode(String.self, forKey: .model),
            classes: container.decode([HeadClass].self, forKey: .classes),
            paths: container.decodeIfPresent([ClassPath].self, forKey: .paths) ?? [],
            edges: container.decodeIfPresent([String].self, forKey: .edges) ?? []
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(classes, forKey: .classes)
        if !paths.isEmpty { try container.encode(paths, forKey: .paths) }
        if !edges.isEmpty { try container.encode(edges, forKey: .edges) }
    }
}

/// A path from the nodes of one class to those of another, or to later ones of the same.
public struct ClassPath: Codable, Equatable, Sendable {
    /// The sending class.
    public let from: String
    /// The receiving class, or `logits`.
    public let to: String
    /// The inputs of the receiving heads; empty for MLPs and the logits.
    public let inputs: [Graph.HeadInput]

    public init(from: String, to: String, inputs: [Graph.HeadInput] = []) {
        self.from = from
        self.to = to
        self.inputs = inputs
    }

    enum CodingKeys: CodingKey {
        case from, to, inputs
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        from = try container.decode(String.self, forKey: .from)
        to = try container.decode(String.self, forKey: .to)
        inputs = try container.decodeIfPresent([Graph.HeadInput].self, forKey: .inputs) ?? []
    }
}
