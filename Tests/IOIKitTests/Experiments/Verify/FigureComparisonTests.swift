import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct FigureComparisonTests {
    static func value(_ json: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
    }

    static func comparison(
        _ recorded: String,
        _ found: String,
        _ tolerance: FigureComparison.Tolerance = .init(absolute: 0.01, relative: 0.001),
        ignoring ignored: Set<String> = []
    ) throws -> FigureComparison {
        var comparison = FigureComparison(tolerance: tolerance, ignoring: ignored)
        comparison.compare(try value(recorded), try value(found), at: "results")
        return comparison
    }

    /// Two trees and where they differ.
    static let cases: [(String, String, [String])] = [
        (#"{"a": 1.5}"#, #"{"a": 1.5}"#, []),
        // 0.01 + 0.001 · 100.5 = 0.1105
        (#"{"a": 100.5}"#, #"{"a": 100.61}"#, []),
        (#"{"a": -100.5}"#, #"{"a": -100.39}"#, []),
        (#"{"a": 100.5}"#, #"{"a": 100.612}"#, ["results.a"]),
        (#"{"a": 0.1}"#, #"{"a": -0.1}"#, ["results.a"]),
        // A share of 1 is a number like another.
        (#"{"accuracy": 1}"#, #"{"accuracy": 0.9995}"#, []),
        // Whole numbers count something, but for ranks, which rounding may exchange where there are many.
        (#"{"count": 6000}"#, #"{"count": 6001}"#, ["results.count"]),
        (#"{"io_rank": 6000}"#, #"{"io_rank": 6001}"#, []),
        (#"{"io_rank": 3}"#, #"{"io_rank": 4}"#, ["results.io_rank"]),
        (#"{"ci95": {"io_rank": [6000, 6020]}}"#, #"{"ci95": {"io_rank": [6001, 6040]}}"#, ["results.ci95.io_rank[1]"]),
        (#"{"k": ["9.9", "9.6"]}"#, #"{"k": ["9.9", "9.7"]}"#, ["results.k[1]"]),
        (#"{"k": ["9.9", "9.6"]}"#, #"{"k": ["9.9"]}"#, ["results.k"]),
        (#"{"k": []}"#, #"{"k": []}"#, []),
        (
            #"{"effect": [[1.5, null], [2.5, 3.5]]}"#, #"{"effect": [[1.5, null], [2.5, 4.5]]}"#,
            ["results.effect[1][1]"]
        ),
        (#"{"effect": [null, null]}"#, #"{"effect": [null, 0]}"#, ["results.effect[1]"]),
        (#"{"passes": true}"#, #"{"passes": false}"#, ["results.passes"]),
        (#"{"passes": true}"#, #"{"passes": 1}"#, ["results.passes"]),
        (#"{"note": "overshoot"}"#, #"{"note": null}"#, ["results.note"]),
        (#"{"a": 1, "b": 2}"#, #"{"a": 1, "c": 2}"#, ["results.b", "results.c"]),
        (#"{"a": null}"#, #"{}"#, ["results.a"]),
        (#"{"a": {"b": 1}}"#, #"{"a": 1}"#, ["results.a"]),
        (
            #"{"by": {"v1.5": 1, "S1+1": 2}}"#, #"{"by": {"v1.5": 3, "S1+1": 4}}"#,
            ["results.by.S1+1", #"results.by["v1.5"]"#]
        ),
        (#"{"seconds": 3, "a": {"seconds_scoring": 1}}"#, #"{"seconds": 4, "a": {"seconds_forward": 1}}"#, []),
    ]

    @Test(arguments: cases)
    func whatMovedIsNamed(_ recorded: String, _ found: String, _ moved: [String]) throws {
        let comparison = try Self.comparison(recorded, found)
        #expect(comparison.groups.flatMap(\.moved).map(\.path) == moved)
    }

    @Test func aMoveSaysByHowMuch() throws {
        let comparison = try Self.comparison(#"{"a": 100.5, "b": 1}"#, #"{"a": 102.5, "c": null}"#)
        let moves = comparison.groups.flatMap(\.moved)
        #expect(moves[0].recorded == .number(100.5) && moves[0].found == .number(102.5))
        #expect(moves[0].difference == 2 && abs(moves[0].tolerance - 0.1105) < 1e-12)
        #expect(moves[1].found == nil && moves[1].difference == nil && moves[1].tolerance == 0)
        #expect(moves[2].recorded == nil && moves[2].found == .null)
        #expect(moves[0].text == "results.a: recorded 100.5, found 102.5, difference 2, tolerance 0.111")
        #expect(moves[1].text == "results.b: recorded 1, found nothing")
        #expect(moves[2].text == "results.c: recorded nothing, found null")
    }

    @Test func fieldsCanBeLeftOut() throws {
        #expect(
            try Self.comparison(#"{"found": "a", "b": 1}"#, #"{"found": "b", "b": 1}"#, ignoring: ["found"]).groups.map(
                \.name) == ["results.b"])
    }

    /// An older version's file is repeated by a newer one, which writes more.
    @Test func laterFieldsAreComparedIfRecorded() throws {
        func moved(_ recorded: String, _ found: String) throws -> [String] {
            var comparison = FigureComparison(tolerance: .init(), later: ["new"])
            comparison.compare(try Self.value(recorded), try Self.value(found), at: "results")
            return comparison.groups.flatMap(\.moved).map(\.path)
        }
        #expect(try moved(#"{"a": 1.5}"#, #"{"a": 1.5, "new": 2}"#) == [])
        #expect(try moved(#"{"each": [{"a": 1}]}"#, #"{"each": [{"a": 1, "new": 2}]}"#) == [])
        #expect(try moved(#"{"a": 1.5}"#, #"{"a": 1.5, "other": 2}"#) == ["results.other"])
        #expect(try moved(#"{"a": 1.5, "new": 2.5}"#, #"{"a": 1.5, "new": 3.5}"#) == ["results.new"])
        #expect(try moved(#"{"a": 1.5, "new": 2.5}"#, #"{"a": 1.5}"#) == ["results.new"])
    }

    @Test func zeroToleranceMeansEqual() throws {
        let none = FigureComparison.Tolerance(absolute: 0, relative: 0)
        #expect(try Self.comparison("[0.1]", "[0.1]", none).groups.flatMap(\.moved).isEmpty)
        #expect(try Self.comparison("[0.1]", "[0.10000000000000002]", none).groups.flatMap(\.moved).count == 1)
    }

    /// A map is one group, and so are an interval and the figures of all prompts; things of a list are each their own.
    @Test func figuresThatBelongTogetherAreAGroup() throws {
        let tree = #"""
            {"effect": [[1, 2], [3, 4]], "ci95": [[[0, 1], null], [[2, 3], [4, 5]]], "mean": 1,
             "per_prompt": [{"id": 0, "loss": 1.5}, {"id": 1, "loss": 2.5}],
             "sets": [{"name": "a", "heads": ["0.1", "0.2"]}, {"name": "b", "heads": ["1.1"]}]}
            """#
        let groups = try Self.comparison(tree, tree).groups
        #expect(
            groups.map { "\($0.name) \($0.compared)" } == [
                "results.ci95 7", "results.effect 4", "results.mean 1", "results.per_prompt 4",
                "results.sets[0].heads 2", "results.sets[0].name 1", "results.sets[1].heads 1",
                "results.sets[1].name 1",
            ]
        )
    }
}
