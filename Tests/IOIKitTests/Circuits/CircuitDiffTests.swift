import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CircuitDiffTests {
    private func circuit(_ classes: (String, String, PositionSelection)...) throws -> Circuit {
        try Circuit(
            model: "m",
            classes: classes.map { name, nodes, position in
                HeadClass(name: name, nodes: nodes.split(separator: " ").map { Node(String($0))! }, position: position)
            }
        )
    }

    private func base() throws -> Circuit {
        try circuit(
            ("name mover", "9.9 10.0 9.6", .one(.end)), ("backup", "10.10 10.6 9.0", .one(.end)),
            ("duplicate", "3.0 0.1", .one(.s2)), ("previous", "4.11 2.2", .one(.s1Next))
        )
    }

    private func tuned() throws -> Circuit {
        try circuit(
            ("copying", "11.3 0.1", .one(.end)), ("name mover", "10.10 9.9 10.0 9.1", .one(.end)),
            ("backup", "10.6", .all), ("previous", "2.2 4.11", .one(.s1Next))
        )
    }

    @Test func whatIsSharedGainedLostAndMoved() throws {
        let diff = CircuitDiff(from: try base(), to: try tuned())
        #expect(diff.shared.map(\.description) == ["0.1", "2.2", "4.11", "9.9", "10.0", "10.6", "10.10"])
        #expect(diff.gained.map { "\($0.node) \($0.headClass)" } == ["9.1 name mover", "11.3 copying"])
        #expect(diff.lost.map { "\($0.node) \($0.headClass)" } == ["3.0 duplicate", "9.0 backup", "9.6 name mover"])
        #expect(
            diff.moved.map { "\($0.node): \($0.from) → \($0.to)" }
                == ["0.1: duplicate → copying", "10.10: backup → name mover"]
        )
        #expect(
            diff.classesGained == [HeadClass(name: "copying", heads: [Head(0, 1), Head(11, 3)], position: .one(.end))])
        #expect(
            diff.classesLost == [HeadClass(name: "duplicate", heads: [Head(0, 1), Head(3, 0)], position: .one(.s2))])
        #expect(diff.classes.map(\.name) == ["name mover", "backup", "previous"])
        let mover = diff.classes[0]
        #expect(mover.shared == [.head(Head(9, 9)), .head(Head(10, 0))])
        #expect(mover.gained == [.head(Head(9, 1)), .head(Head(10, 10))] && mover.lost == [.head(Head(9, 6))])
        #expect(diff.classes.map(\.isPositionChanged) == [false, true, false])
        #expect(diff.classes[1].positionFrom == .one(.end) && diff.classes[1].positionTo == .all)
        #expect(diff.classes[1].lost == [.head(Head(9, 0)), .head(Head(10, 10))] && diff.classes[1].gained.isEmpty)
        // 7 of 10 + 9 - 7 heads; 5 pairs, because two of the heads have moved.
        #expect(diff.nodeJaccard == 7.0 / 12)
        #expect(diff.classedNodeJaccard == 5.0 / 14)
    }

    @Test func theOtherWayRoundGainsAreLosses() throws {
        let (there, back) = (
            CircuitDiff(from: try base(), to: try tuned()), CircuitDiff(from: try tuned(), to: try base())
        )
        #expect(there.gained == back.lost && there.lost == back.gained && there.shared == back.shared)
        #expect(there.moved.map(\.from) == back.moved.map(\.to))
        #expect(there.classesGained == back.classesLost && there.classesLost == back.classesGained)
        #expect(there.nodeJaccard == back.nodeJaccard && there.classedNodeJaccard == back.classedNodeJaccard)
    }

    @Test func equalCircuitsDoNotDifferAndOthersShareNothing() throws {
        let same = CircuitDiff(from: try base(), to: try base())
        #expect(same.shared == (try base().nodes) && same.nodeJaccard == 1 && same.classedNodeJaccard == 1)
        #expect(same.gained.isEmpty && same.lost.isEmpty && same.moved.isEmpty)
        #expect(same.classesGained.isEmpty && same.classesLost.isEmpty)
        #expect(same.classes.allSatisfy { $0.gained.isEmpty && $0.lost.isEmpty && !$0.isPositionChanged })
        let other = CircuitDiff(from: try base(), to: try circuit(("name mover", "1.1", .all)))
        #expect(other.shared.isEmpty && other.nodeJaccard == 0 && other.classedNodeJaccard == 0)
    }

    @Test func keysInJSONAreSnakeCase() throws {
        let json = try JSONEncoder().encode(
            CircuitDiff(
                from: try circuit(("a", "1.1 0.2", .all), ("b", "2.2", .one(.end))),
                to: try circuit(("a", "0.2 2.2", .one(.s2)), ("c", "3.3", .all))
            )
        )
        let form: NSDictionary = [
            "shared": ["0.2", "2.2"],
            "gained": [["head": "3.3", "class": "c"]],
            "lost": [["head": "1.1", "class": "a"]],
            "moved": [["head": "2.2", "from": "b", "to": "a"]],
            "classes_gained": [["name": "c", "heads": ["3.3"], "position": "all"]],
            "classes_lost": [["name": "b", "heads": ["2.2"], "position": "END"]],
            "classes": [
                [
                    "name": "a", "shared": ["0.2"], "gained": ["2.2"], "lost": ["1.1"], "position_from": "all",
                    "position_to": "S2",
                ] as [String: Any]
            ],
            "head_jaccard": 0.5, "classed_head_jaccard": 0.2,
        ]
        #expect(try JSONSerialization.jsonObject(with: json) as? NSDictionary == form)
    }

    @Test func edgesAreComparedWhereBothCircuitsNameThem() throws {
        func circuit(_ edges: [String]) throws -> Circuit {
            try Circuit(
                model: "m", classes: [HeadClass(name: "heads", heads: [Head(0, 1)], position: .all)], edges: edges
            )
        }
        let (one, other) = (try circuit(["0.1->logits", "input->0.1.v"]), try circuit(["0.1->logits", "m0->logits"]))
        #expect(CircuitDiff(from: one, to: other).edgeJaccard == 1.0 / 3)
        #expect(CircuitDiff(from: one, to: try circuit([])).edgeJaccard == nil)
    }
}
