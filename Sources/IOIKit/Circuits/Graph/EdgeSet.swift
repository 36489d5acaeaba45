/// A subset of a graph's edges.
public struct EdgeSet: Equatable, Sendable {
    public let graph: Graph
    /// Whether each edge belongs to the set. [edges]
    private(set) var flags: [Bool]

    public init(all graph: Graph) { (self.graph, flags) = (graph, Array(repeating: true, count: graph.edgeCount)) }

    public init(none graph: Graph) { (self.graph, flags) = (graph, Array(repeating: false, count: graph.edgeCount)) }

    init(_ graph: Graph, indices: some Sequence<Int>) {
        self.init(none: graph)
        for index in indices { flags[index] = true }
    }

    public func contains(_ edge: Graph.Edge) -> Bool { flags[graph.index(of: edge)] }

    public mutating func insert(_ edge: Graph.Edge) { flags[graph.index(of: edge)] = true }

    public mutating func remove(_ edge: Graph.Edge) { flags[graph.index(of: edge)] = false }

    public var count: Int { flags.count { $0 } }

    /// The edges in index order.
    public var edges: [Graph.Edge] { graph.edges.enumerated().filter { flags[$0.offset] }.map(\.element) }

    /// Whether any receiver reads a sender.
    func isRead(_ sender: Graph.Sender) -> Bool {
        let index = graph.index(of: sender)
        return graph.receivers.indices.contains { receiver in
            index < graph.senderCounts[receiver] && flags[graph.edges(into: receiver).lowerBound + index]
        }
    }

    /// Whether any receiver reads each sender.
    var sendersInUse: [Bool] {
        var used = Array(repeating: false, count: graph.senders.count)
        for receiver in graph.receivers.indices {
            for (sender, edge) in graph.edges(into: receiver).enumerated() where flags[edge] { used[sender] = true }
        }
        return used
    }

    /// Whether each receiver reads any sender.
    private var receiversInUse: [Bool] {
        graph.receivers.indices.map { receiver in flags[graph.edges(into: receiver)].contains(true) }
    }

    /// The heads and MLPs that any receiver reads, in ascending order.
    public var nodes: [Node] { zip(graph.senders, sendersInUse).compactMap { $1 ? $0.node : nil } }

    /// The heads that any receiver reads, in ascending order.
    public var heads: [Head] { nodes.compactMap(\.head) }

    /// Removes dangling edges, which lie on no path from the input to the logits: those from senders that read nothing
    /// and those to heads and MLPs that nothing reads.
    public mutating func prune() {
        while true {
            let (read, used) = (receiversInUse, sendersInUse)
            var isDone = true
            for (receiver, name) in graph.receivers.enumerated() {
                let isRead = name.node.map { used[graph.index(of: Graph.Sender($0))] } ?? true
                for (sender, edge) in graph.edges(into: receiver).enumerated() where flags[edge] {
                    let sources = graph.receivers(of: graph.senders[sender])
                    if !isRead || !sources.isEmpty && !sources.contains(where: { read[$0] }) {
                        flags[edge] = false
                        isDone = false
                    }
                }
            }
            if isDone { return }
        }
    }

    /// The Jaccard index, or 1 if both sets are empty.
    public func jaccard(_ other: EdgeSet) -> Double {
        let pairs = zip(flags, other.flags)
        let either = pairs.count { $0 || $1 }
        return either == 0 ? 1 : Double(pairs.count { $0 && $1 }) / Double(either)
    }
}
