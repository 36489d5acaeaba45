/// Heads, and MLPs, of a circuit with the same role.
public struct HeadClass: Equatable, Sendable {
    public let name: String
    /// In the file's order.
    public let nodes: [Node]
    /// Where the circuit keeps the nodes; elsewhere they are knocked out.
    public let position: PositionSelection

    public init(name: String, nodes: [Node], position: PositionSelection) {
        self.name = name
        self.nodes = nodes
        self.position = position
    }

    public init(name: String, heads: [Head], position: PositionSelection) {
        self.init(name: name, nodes: heads.map(Node.head), position: position)
    }

    /// In the file's order.
    public var heads: [Head] { nodes.compactMap(\.head) }

    /// The layers of the MLPs, in the file's order.
    public var mlps: [Int] { nodes.compactMap(\.mlp) }
}

extension HeadClass: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, position
        case nodes = "heads"
    }

    /// A class without a position is kept at all.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            name: container.decode(String.self, forKey: .name), nodes: container.decode([Node].self, forKey: .nodes),
            position: container.decodeIfPresent(PositionSelection.self, forKey: .position) ?? .all
        )
    }
}
