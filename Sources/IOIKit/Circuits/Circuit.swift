import Foundation

/// The heads of a model that together perform a task, grouped into classes.
public struct Circuit: Equatable, Sendable {
    /// The name of the model.
    public let model: String
    /// At least one, in the file's order.
    public let classes: [HeadClass]
    /// The paths between classes; empty if unknown.
    public let paths: [ClassPath]
    /// The names of the circuit's edges in the graph; empty if unknown.
    public let edges: [String]

    /// - Throws: `IOIError` if there are no classes, a class has no name or no heads, a class name or head is
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
        var owners: [Head: String] = [:]
        for headClass in classes {
            let field = "heads of class \(headClass.name.quoted)"
            guard !headClass.heads.isEmpty else {
                throw IOIError("\(field): found an empty list, expected at least one head")
            }
            for head in headClass.heads {
                if let owner = owners.updateValue(headClass.name, forKey: head) {
                    let again = owner == headClass.name ? " twice," : ", which class \(owner.quoted) has as well;"
                    throw IOIError("\(field): found \(head)\(again) expected each head once in one class")
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
    /// Given paths between classes, the edges are those between the heads of each path's classes, all edges from the
    /// input and from MLPs, and all edges from the circuit's heads to MLPs. This cuts only direct edges from one head
    /// to another or to the logits that belong to no path.
    public func edgeSet(_ graph: Graph) -> EdgeSet? {
        guard edges.isEmpty else { return EdgeSet(graph, indices: edges.compactMap(graph.edge).map(graph.index)) }
        guard !paths.isEmpty else { return nil }
        let classOfHead = Dictionary(
            uniqueKeysWithValues: classes.flatMap { headClass in headClass.heads.map { ($0, headClass.name) } }
        )
        func isKept(_ edge: Graph.Edge) -> Bool {
            let receiver = graph.receivers[edge.receiver]
            if case .head(let head, _) = receiver, classOfHead[head] == nil { return false }
            guard case .head(let sender) = graph.senders[edge.sender] else { return true }
            guard let from = classOfHead[sender] else { return false }
            return switch receiver {
            case .mlp: true
            case .logits: paths.contains { $0.from == from && $0.to == "logits" }
            case .head(let head, let input):
                paths.contains { $0.from == from && $0.to == classOfHead[head] && $0.inputs.contains(input) }
            }
        }
        return EdgeSet(graph, indices: graph.edges.filter(isKept).map(graph.index))
    }

    /// The positions where each head is kept.
    ///
    /// - Parameter everywhere: whether to keep heads at all positions instead of their classes'.
    public func positions(everywhere: Bool = false) -> [Head: PositionSelection] {
        Dictionary(
            uniqueKeysWithValues: classes.flatMap { headClass in
                headClass.heads.map { ($0, everywhere ? .all : headClass.position) }
            }
        )
    }

    /// The heads of all classes, in ascending order.
    public var heads: [Head] { classes.flatMap(\.heads).sorted() }

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

/// Heads of a circuit with the same role.
public struct HeadClass: Codable, Equatable, Sendable {
    public let name: String
    /// In the file's order.
    public let heads: [Head]
    /// Where the circuit keeps the heads; elsewhere they are knocked out.
    public let position: PositionSelection

    public init(name: String, heads: [Head], position: PositionSelection) {
        self.name = name
        self.heads = heads
        self.position = position
    }
}

/// A path from the heads of one class to those of another.
public struct ClassPath: Codable, Equatable, Sendable {
    /// The sending class.
    public let from: String
    /// The receiving class, or `logits`.
    public let to: String
    /// The inputs of the receiving heads; empty for the logits.
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
