/// The published sets K for the circuit of GPT-2 small (Wang et al. 2211.00593, appendix K, figure 20). Backup name
/// movers are in the order in which F(C∖K) falls in the figure.
enum PublishedMinimalitySets {
    /// K for each head, by class.
    static let classes: KeyValuePairs<String, KeyValuePairs<String, String>> = [
        "name mover": [
            "9.9": "",
            "10.0": "9.9",
            "9.6": "9.9 10.0",
        ],
        "backup name mover": [
            "10.10": "9.9 10.0 9.6",
            "10.6": "9.9 10.0 9.6 10.10",
            "10.2": "9.9 10.0 9.6 10.10 10.6",
            "10.1": "9.9 10.0 9.6 10.10 10.6 10.2",
            "11.2": "9.9 10.0 9.6 10.10 10.6 10.2 10.1",
            "9.7": "9.9 10.0 9.6 10.10 10.6 10.2 10.1 11.2",
            "9.0": "9.9 10.0 9.6 10.10 10.6 10.2 10.1 11.2 9.7 11.9 10.7 11.10",
            "11.9": "9.9 10.0 9.6 10.10 10.6 10.2 10.1 11.2 9.7 9.0 10.7 11.10",
        ],
        "negative name mover": [
            "10.7": "11.10",
            "11.10": "10.7",
        ],
        "S-inhibition": [
            "7.3": "7.9 8.6 8.10",
            "7.9": "7.3 8.6 8.10",
            "8.6": "7.3 7.9 8.10",
            "8.10": "7.3 7.9 8.6",
        ],
        "induction": [
            "5.5": "5.8 5.9 6.9",
            "5.8": "10.7 11.10",
            "5.9": "10.7 11.10",
            "6.9": "5.5 5.8 5.9",
        ],
        "duplicate token": [
            "0.1": "0.10 3.0",
            "0.10": "0.1 3.0",
            "3.0": "0.1 0.10",
        ],
        "previous token": [
            "2.2": "4.11",
            "4.11": "2.2",
        ],
    ]

    /// A head's class and K.
    typealias Entry = (headClass: String, k: Set<Node>)

    static let entries: [Node: Entry] = Dictionary(
        uniqueKeysWithValues: classes.flatMap { name, heads in
            heads.map { head, k in
                (Node(head)!, (headClass: name, k: Set(k.split(separator: " ").map { Node(String($0))! })))
            }
        }
    )

    /// A node of a circuit that the published one does not have in a class of that name; nil if there is none.
    static func mismatch(in circuit: Circuit) -> (node: Node, headClass: String)? {
        for headClass in circuit.classes {
            for node in headClass.nodes where entries[node]?.headClass != headClass.name {
                return (node, headClass.name)
            }
        }
        return nil
    }

    /// Whether a circuit has exactly the published heads in the published classes.
    static func matches(_ circuit: Circuit) -> Bool {
        mismatch(in: circuit) == nil && circuit.nodes.count == entries.count
    }

    /// The sets for a part of the published circuit, restricted to its heads.
    static func sets(for circuit: Circuit) -> [Node: Set<Node>] {
        let nodes = Set(circuit.nodes)
        return Dictionary(uniqueKeysWithValues: nodes.map { ($0, entries[$0]!.k.intersection(nodes)) })
    }
}
