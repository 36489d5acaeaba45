/// The differences between two circuits, such as those of a base and a fine-tuned model, or those found by two methods.
/// Heads and MLPs are in ascending order.
public struct CircuitDiff: Encodable, Equatable, Sendable {
    /// A node in only one of the circuits, with its class there.
    public struct ClassedNode: Encodable, Hashable, Sendable {
        public let node: Node
        public let headClass: String

        enum CodingKeys: String, CodingKey {
            case node = "head"
            case headClass = "class"
        }
    }

    /// A node in classes of different names in the two circuits.
    public struct MovedNode: Encodable, Equatable, Sendable {
        public let node: Node
        /// The class in the first and in the second circuit.
        public let from, to: String

        enum CodingKeys: String, CodingKey {
            case node = "head"
            case from, to
        }
    }

    /// A class with the same name in both circuits.
    public struct ClassChange: Encodable, Equatable, Sendable {
        public let name: String
        /// Nodes in this class in both circuits.
        public let shared: [Node]
        /// Nodes in this class in the second circuit only. The first may have them in another class.
        public let gained: [Node]
        /// Nodes in this class in the first circuit only. The second may have them in another class.
        public let lost: [Node]
        /// Where the first and the second circuit keep the class.
        public let positionFrom, positionTo: PositionSelection

        public var isPositionChanged: Bool { positionFrom != positionTo }

        enum CodingKeys: String, CodingKey {
            case name, shared, gained, lost
            case positionFrom = "position_from"
            case positionTo = "position_to"
        }
    }

    /// Nodes in both circuits, regardless of class.
    public let shared: [Node]
    /// Nodes in the second circuit only.
    public let gained: [ClassedNode]
    /// Nodes in the first circuit only.
    public let lost: [ClassedNode]
    /// The nodes of ``shared`` whose classes have different names.
    public let moved: [MovedNode]
    /// Classes whose names occur in the second circuit only, in its order.
    public let classesGained: [HeadClass]
    /// Classes whose names occur in the first circuit only, in its order.
    public let classesLost: [HeadClass]
    /// Classes whose names occur in both circuits, in the order of the first.
    public let classes: [ClassChange]
    /// The Jaccard index of the nodes.
    public let nodeJaccard: Double
    /// The Jaccard index of pairs of a node and its class name.
    public let classedNodeJaccard: Double
    /// The Jaccard index of the edges; nil if either circuit has none.
    public let edgeJaccard: Double?

    enum CodingKeys: String, CodingKey {
        case shared, gained, lost, moved, classes
        case classesGained = "classes_gained"
        case classesLost = "classes_lost"
        case nodeJaccard = "head_jaccard"
        case classedNodeJaccard = "classed_head_jaccard"
        case edgeJaccard = "edge_jaccard"
    }

    public init(from a: Circuit, to b: Circuit) {
        let (before, after) = (a.classOfNode, b.classOfNode)
        shared = a.nodes.filter { after[$0] != nil }
        gained = b.nodes.filter { before[$0] == nil }.map { ClassedNode(node: $0, headClass: after[$0]!) }
        lost = a.nodes.filter { after[$0] == nil }.map { ClassedNode(node: $0, headClass: before[$0]!) }
        moved = shared.filter { before[$0] != after[$0] }.map { node in
            MovedNode(node: node, from: before[node]!, to: after[node]!)
        }
        classesGained = b.classes.filter { candidate in !a.classes.contains { $0.name == candidate.name } }
            .map(\.ascending)
        classesLost = a.classes.filter { candidate in !b.classes.contains { $0.name == candidate.name } }
            .map(\.ascending)
        classes = a.classes.compactMap { old in
            guard let new = b.classes.first(where: { $0.name == old.name }) else { return nil }
            let (oldNodes, newNodes) = (Set(old.nodes), Set(new.nodes))
            return ClassChange(
                name: old.name, shared: oldNodes.intersection(newNodes).sorted(),
                gained: newNodes.subtracting(oldNodes).sorted(), lost: oldNodes.subtracting(newNodes).sorted(),
                positionFrom: old.position, positionTo: new.position
            )
        }
        func classed(_ classes: [Node: String]) -> Set<ClassedNode> {
            Set(classes.map { ClassedNode(node: $0, headClass: $1) })
        }
        nodeJaccard = Set(before.keys).jaccard(Set(after.keys))
        classedNodeJaccard = classed(before).jaccard(classed(after))
        edgeJaccard = a.edges.isEmpty || b.edges.isEmpty ? nil : Set(a.edges).jaccard(Set(b.edges))
    }
}

extension Set {
    /// The Jaccard index |A ∩ B| / |A ∪ B|, or 1 if both sets are empty.
    func jaccard(_ other: Set) -> Double {
        let either = union(other).count
        return either == 0 ? 1 : Double(intersection(other).count) / Double(either)
    }
}

extension HeadClass {
    fileprivate var ascending: HeadClass { HeadClass(name: name, nodes: nodes.sorted(), position: position) }
}
