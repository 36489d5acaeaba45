import Foundation

/// The heads of a model that do a task between them, in classes.
public struct Circuit: Equatable, Sendable {
    /// The model that the circuit was found in.
    public let model: String
    /// At least one, in the file's order.
    public let classes: [HeadClass]
    /// Which classes hear which, where that is known.
    public let paths: [ClassPath]
    /// The names of the graph's edges that belong to the circuit, where it was found edge by edge.
    public let edges: [String]

    /// - Throws: ``IOIError`` for no class, a class without a name or without heads, two classes of one name, a head
    ///   that stands twice, and a path from or to a class that there is not.
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
            throw IOIError("classes: found two of the name \(twice.quoted), expected each name once")
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

    /// Which edges of a model belong to the circuit; nil where the circuit does not say.
    ///
    /// Where it names paths between classes they are, beside those paths from each head to each head of the other class:
    /// all edges from the input and from MLPs, and all from the circuit's heads to MLPs. What is cut then is what one
    /// head says to another, or to the logits, along no path.
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

    /// Where each head is kept.
    ///
    /// - Parameter everywhere: whether that is at all positions, whatever the classes say.
    public func positions(everywhere: Bool = false) -> [Head: PositionSelection] {
        Dictionary(
            uniqueKeysWithValues: classes.flatMap { headClass in
                headClass.heads.map { ($0, everywhere ? .all : headClass.position) }
            }
        )
    }

    /// All heads of all classes, ascending.
    public var heads: [Head] { classes.flatMap(\.heads).sorted() }

    /// The class of a name that a user gave.
    ///
    /// - Parameter field: the option that has it, for the error.
    /// - Throws: ``IOIError`` of kind `usage` that lists the circuit's classes.
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
