import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PartialResultsTests {
    private struct Unexpected: Error {}

    private static func measures(_ values: [Double]) -> PatchMeasures {
        var measures = PatchMeasures(cells: 1)
        (measures.original, measures.patched) = (values, [values.map { 2 * $0 }])
        return measures
    }

    /// After an interruption, in another process: what was finished is taken as it is, what was begun goes on.
    @Test func aFinishedStageIsNotRunAgain() throws {
        let out = TemporaryModel.fresh()
        func open() throws -> PartialResults { try PartialResults(besides: out, deciding: ["test"]) }
        let size = PatchMeasures.Size(cells: 1, prompts: 2)
        let (first, half, whole) = (Self.measures([1, 2]), Self.measures([3]), Self.measures([3, 4]))
        let before = try open()
        #expect(try before.measure("first", size) { _ in first } == first)
        #expect(try before.measure("first", size) { _ in throw Unexpected() } == first)
        #expect(throws: PatchInterruption.self) {
            try before.measure("second", size) { _ in throw PatchInterruption(measures: half) }
        }

        let after = try open()
        #expect(try after.measure("first", size) { _ in throw Unexpected() } == first)
        let resumed = try after.measure("second", size) { done in
            #expect(done == half)
            return whole
        }
        #expect(resumed == whole)
        #expect(try after.measure("second", size) { _ in throw Unexpected() } == whole)
        after.remove()
        #expect(throws: Unexpected.self) { try open().measure("first", size) { _ in throw Unexpected() } }
    }

    static let faults = [
        JSONMutation("stages.second.patched.0", nil, "stages.second.patched: found 1 lists, expected 2"),
        JSONMutation("stages.second.patched.0", "[1]", "stages.second.patched[0]: found 1 values, expected 2"),
        JSONMutation("stages.second.patched.1", "[]", "stages.second.patched[1]: found 0 values, expected 2"),
        JSONMutation("stages.second.original", "[]", "stages.second.patched[0]: found 2 values, expected 0"),
        JSONMutation(
            "stages.second.original", "[1, 2, 3, 4]", "stages.second.original: found 4 values, expected at most 3"),
        JSONMutation("stages.second.donor", nil, "stages.second.donor: found 0 values, expected 2"),
        JSONMutation("stages.second.donor", "[1]", "stages.second.donor: found 1 values, expected 2"),
        JSONMutation("finished", "[\"second\"]", "stages.second.original: found 2 values, expected 3"),
        JSONMutation("search.done", "-1", "search.done: found -1, expected 0 to 9"),
        JSONMutation("search.done", "10", "search.done: found 10, expected 0 to 9"),
        JSONMutation("search.dropped.0", "9", "search.dropped: found the edge 9, expected each from 0 to 8"),
        JSONMutation("search.dropped.0", "-1", "search.dropped: found the edge -1"),
        JSONMutation(
            "search.dropped.1", "8", "search.dropped: found the edge 8, expected each from 0 to 8 at most once"),
        JSONMutation("search.done", "1", "search.dropped: found 2 edges, expected at most the 1 that are done"),
    ]

    /// Saved progress that is not of this work is refused before it is gone on with.
    @Test(arguments: faults)
    func progressOfAnotherShapeIsRefused(_ mutation: JSONMutation) throws {
        let out = TemporaryModel.fresh()
        let size = PatchMeasures.Size(cells: 2, prompts: 3, hasDonor: true)
        func open() throws -> PartialResults { try PartialResults(besides: out, deciding: ["test"]) }
        var half = PatchMeasures(original: [1, 2], patched: [[3, 4], [5, 6]])
        half.donor = [7, 8]
        let before = try open()
        _ = try? before.measure("second", size) { _ in throw PatchInterruption(measures: half) }
        let state = ACDC.State(done: 3, dropped: [8, 7])
        _ = try? before.search(edges: 9) { _ in throw ACDC.Interruption(state: state, total: 9) }
        defer { before.remove() }

        func goOn(_ found: PatchMeasures?, _ state: ACDC.State?) throws {
            let after = try open()
            #expect(throws: Unexpected.self) {
                try after.measure("second", size) {
                    #expect($0 == found)
                    throw Unexpected()
                }
            }
            #expect(throws: Unexpected.self) {
                try after.search(edges: 9) {
                    #expect($0 == state)
                    throw Unexpected()
                }
            }
        }
        try goOn(half, state)
        let file = out.deletingLastPathComponent().appendingPathComponent("\(out.lastPathComponent).partial")
        try mutation.apply(to: file) {
            let after = try open()
            expectError(containing: "\(file.path): \(mutation.message)") {
                _ = try after.measure("second", size) { _ in
                    #expect(mutation.field.hasPrefix("search"))
                    return half
                }
                _ = try after.search(edges: 9) { _ in throw Unexpected() }
            }
        }
    }
}
