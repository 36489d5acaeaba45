/// What two circuits share, and what the second has gained, lost and moved: a base model's and a fine-tuned one's, say,
/// or those that two methods find. Heads stand ascending everywhere.
public struct CircuitDiff: Encodable, Equatable, Sendable {
    /// A head that only one of the circuits has, with its class there.
    public struct ClassedHead: Encodable, Hashable, Sendable {
        public let head: Head
        public let headClass: String

        enum CodingKeys: String, CodingKey {
            case head
            case headClass = "class"
        }
    }

    /// A head that both circuits have, in classes of different names.
    public struct MovedHead: Encodable, Equatable, Sendable {
        public let head: Head
        /// The name of its class in the first circuit.
        public let from: String
        /// The name of its class in the second circuit.
        public let to: String
    }

    /// A class of one name in both circuits.
    public struct ClassChange: Encodable, Equatable, Sendable {
        public let name: String
        /// In this class in both circuits.
        public let shared: [Head]
        /// In this class in the second circuit only; the first may have them in another.
        public let gained: [Head]
        /// In this class in the first circuit only; the second may have them in another.
        public let lost: [Head]
        /// Where the first circuit keeps the class.
        public let positionFrom: PositionSelection
        /// Where the second circuit keeps the class.
        public let positionTo: PositionSelection

        public var isPositionChanged: Bool { positionFrom != positionTo }

        enum CodingKeys: String, CodingKey {
            case name, shared, gained, lost
            case positionFrom = "position_from"
            case positionTo = "position_to"
        }
    }

    /// Heads of both circuits, whatever their classes.
    public let shared: [Head]
    /// Heads of the second circuit only.
    public let gained: [ClassedHead]
    /// Heads of the first circuit only.
    public let lost: [ClassedHead]
    /// Those of ``shared`` that are in a class of another name.
    public let moved: [MovedHead]
    /// Classes whose name only the second circuit has, in its order.
    public let classesGained: [HeadClass]
    /// Classes whose name only the first circuit has, in its order.
    public let classesLost: [HeadClass]
    /// Classes whose name both circuits have, in the first one's order.
    public let classes: [ClassChange]
    /// Jaccard's index of the heads: those of both circuits over those of either; 1 where the heads are the same.
    public let headJaccard: Double
    /// Jaccard's index of the pairs of a head and its class's name.
    public let classedHeadJaccard: Double
    /// Jaccard's index of the edges; nil where a circuit names none.
    public let edgeJaccard: Double?

    enum CodingKeys: String, CodingKey {
        case shared, gained, lost, moved, classes
        case classesGained = "classes_gained"
        case classesLost = "classes_lost"
        case headJaccard = "head_jaccard"
        case classedHeadJaccard = "classed_head_jaccard"
        case edgeJaccard = "edge_jaccard"
    }

    public init(from a: Circuit, to b: Circuit) {
        let (before, after) = (a.classOfHead, b.classOfHead)
        shared = a.heads.filter { after[$0] != nil }
        gained = b.heads.filter { before[$0] == nil }.map { ClassedHead(head: $0, headClass: after[$0]!) }
        lost = a.heads.filter { after[$0] == nil }.map { ClassedHead(head: $0, headClass: before[$0]!) }
        moved = shared.filter { before[$0] != after[$0] }.map { head in
            MovedHead(head: head, from: before[head]!, to: after[head]!)
        }
        classesGained = b.classes.filter { candidate in !a.classes.contains { $0.name == candidate.name } }
            .map(\.ascending)
        classesLost = a.classes.filter { candidate in !b.classes.contains { $0.name == candidate.name } }
            .map(\.ascending)
        classes = a.classes.compactMap { old in
            guard let new = b.classes.first(where: { $0.name == old.name }) else { return nil }
            let (oldHeads, newHeads) = (Set(old.heads), Set(new.heads))
            return ClassChange(
                name: old.name, shared: oldHeads.intersection(newHeads).sorted(),
                gained: newHeads.subtracting(oldHeads).sorted(), lost: oldHeads.subtracting(newHeads).sorted(),
                positionFrom: old.position, positionTo: new.position
            )
        }
        headJaccard = Self.jaccard(Set(before.keys), Set(after.keys))
        classedHeadJaccard = Self.jaccard(
            Set(before.map { ClassedHead(head: $0, headClass: $1) }),
            Set(after.map { ClassedHead(head: $0, headClass: $1) })
        )
        edgeJaccard = a.edges.isEmpty || b.edges.isEmpty ? nil : Self.jaccard(Set(a.edges), Set(b.edges))
    }

    /// The size of the intersection over that of the union, which may not be empty.
    private static func jaccard<Element>(_ a: Set<Element>, _ b: Set<Element>) -> Double {
        Double(a.intersection(b).count) / Double(a.union(b).count)
    }
}

extension Circuit {
    /// The name of each head's class.
    fileprivate var classOfHead: [Head: String] {
        Dictionary(uniqueKeysWithValues: classes.flatMap { headClass in headClass.heads.map { ($0, headClass.name) } })
    }
}

extension HeadClass {
    fileprivate var ascending: HeadClass { HeadClass(name: name, heads: heads.sorted(), position: position) }
}
