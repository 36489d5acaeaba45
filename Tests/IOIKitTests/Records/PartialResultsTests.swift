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
        let (first, half, whole) = (Self.measures([1, 2]), Self.measures([3]), Self.measures([3, 4]))
        let before = try open()
        #expect(try before.measure("first") { _ in first } == first)
        #expect(try before.measure("first") { _ in throw Unexpected() } == first)
        #expect(throws: PatchInterruption.self) {
            try before.measure("second") { _ in throw PatchInterruption(measures: half) }
        }

        let after = try open()
        #expect(try after.measure("first") { _ in throw Unexpected() } == first)
        let resumed = try after.measure("second") { done in
            #expect(done == half)
            return whole
        }
        #expect(resumed == whole)
        #expect(try after.measure("second") { _ in throw Unexpected() } == whole)
        after.remove()
        #expect(throws: Unexpected.self) { try open().measure("first") { _ in throw Unexpected() } }
    }
}
