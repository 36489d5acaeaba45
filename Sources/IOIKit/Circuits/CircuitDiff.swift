/// The differences between two circuits, such as those of a base and a fine-tuned model, or those found by two methods.
/// Heads are in ascending order.
public struct CircuitDiff: Encodable, Equatable, Sendable {
    /// A head in only one of the circuits, with its class there.
    public struct ClassedHead: Encodable, Hashable, Sendable {
        public let head: Head
        public let headClass: String

        enum CodingKeys: String, CodingKey {
            case head
            case headClass = "class"
        }
    }

    /// A head in classes of different names in the two circuits.
    public struct MovedHead: Encodable, Equatable, Sendable {
        public let head: Head
        /// The class in the first and in the second circuit.
        public let from, to: String
    }

    /// A class with the same name in both circuits.
    public struct ClassChange: Encodable, Equatable, Sendable {
        public let name: String
        /// Heads in this class in both circuits.
        public let shared: [Head]
        /// Heads in this class in the second circuit only. The first may have them in another class.
        public let gained: [Head]
        /// Heads in this class in the first circuit only. The second may have them in another class.
        public let lost: [Head]
        /// Where the first and the second circuit keep the class.
        public let positionFrom, positionTo: PositionSelection

        public var isPositionChanged: Bool { positionFrom != positionTo }

        enum CodingKeys: String, CodingKey {
            case name, shared, gained, lost
            case positionFrom = "position_from"
            case positionTo = "position_to"
        }
    }

    /// Heads in both circuits, regardless of class.
    public let shared: [Head]
    /// Heads in the second circuit only.
    public let gained: [ClassedHead]
    /// Heads in the first circuit only.
    public let lost: [ClassedHead]
    /// The heads of ``shared`` whose classes have different names.
    public let moved: [MovedHead]
    /// Classes whose names occur in the second circuit only, in its order.
    public let classesGained: [HeadClass]
    /// Classes whose names occur in the first circuit only, in its order.
    public let classesLost: [HeadClass]
    /// Classes whose names occur in both circuits, in the order of the first.
    public let classes: [ClassChange]
    /// The Jaccard index of the heads.
    public let headJaccard: Double
    /// The Jaccard index of pairs of a head and its class name.
    public let classedHeadJaccard: Double
    /// The Jaccard index of the edges; nil if either circuit has none.
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
        func classed(_ classes: [Head: String]) -> Set<ClassedHead> {
            Set(classes.map { ClassedHead(head: $0, headClass: $1) })
        }
        headJaccard = Set(before.keys).jaccard(Set(after.keys))
        classedHeadJaccard = classed(before).jaccard(classed(after))
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

extension Circuit {
    /// The name of each head's class.
    fileprivate var classOfHead: [Head: String] {
        Dictionary(uniqueKeysWithValues: classes.flatMap { headClass in headClass.heads.map { ($0, headClass.name) } })
    }
}

extension HeadClass {
    fileprivate var ascending: HeadClass { HeadClass(name: name, heads: heads.sorted(), position: position) }
}
