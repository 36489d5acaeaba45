import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct RatioNoteTests {
    private func note(_ ratio: Double?, _ mean: Double?, _ interval: [Double]?, spread: Double = 1) -> RatioNote? {
        RatioNote(of: ratio, whole: Estimate(value: mean, ci95: interval), spread: spread)
    }

    @Test func aShareOfNearlyNothingIsMeaningless() {
        #expect(note(0.9, 3, [2.8, 3.2]) == nil)
        #expect(note(0.9, -3, [-3.2, -2.8]) == nil)
        #expect(note(-0.4, 3, [2.8, 3.2]) == nil)
        #expect(note(0.9, 0.1, [-0.1, 0.3]) == .meaningless)
        #expect(note(0.9, 0.1, [0, 0.3]) == .meaningless)
        #expect(note(7, -0.1, [-0.3, 0]) == .meaningless)
        #expect(note(nil, 3, [2.8, 3.2]) == .meaningless)
        #expect(note(0.9, nil, nil) == .meaningless)
        // With many prompts an interval is short; half a standard deviation is the bar then.
        #expect(note(0.9, 0.2, [0.19, 0.21], spread: 0.41) == .meaningless)
        #expect(note(0.9, -0.2, [-0.21, -0.19], spread: 0.41) == .meaningless)
        #expect(note(0.9, 0.2, [0.19, 0.21], spread: 0.39) == nil)
    }

    @Test func overshootIsWhatShowsAsMoreThanAHundredPercent() {
        #expect(note(1, 3, [2.8, 3.2]) == nil)
        #expect(note(1.0004, 3, [2.8, 3.2]) == nil)
        #expect(note(1.0005, 3, [2.8, 3.2]) == .overshoot)
        #expect(note(1.2, -3, [-3.2, -2.8]) == .overshoot)
        #expect(note(1.2, 0.1, [-0.1, 0.3]) == .meaningless)
    }

    @Test func faithfulnessKnowsItsNote() throws {
        func faithfulness(_ model: [Double], _ circuit: [Double]) -> Faithfulness {
            Faithfulness(model: model, circuit: circuit, seed: 0, workers: Workers(count: 1))
        }
        let model = [3.0, 4, 5, 4]
        #expect(faithfulness(model, [2, 3, 4, 3]).note == nil)
        #expect(faithfulness(model, [4, 5, 6, 5]).note == .overshoot)
        #expect(faithfulness([3, -4, 4, -3.2], [2, 3, 4, 3]).note == .meaningless)

        func written(_ circuit: [Double]) throws -> Any? {
            let data = try JSONEncoder().encode(faithfulness(model, circuit))
            return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["ratio_note"]
        }
        #expect(try written([4, 5, 6, 5]) as? String == "overshoot")
        #expect(try written([2, 3, 4, 3]) is NSNull)
    }

    /// The whole is what the model has beyond a circuit without edges.
    @Test func aCurvesNotesAreAboutTheDifference() throws {
        let graph = Graph(PatchingFixture.all[0].config)
        func curve(_ model: [Double], corrupt: [Double], last: [Double]) -> EdgeCurve {
            var measures = PatchMeasures(cells: 0)
            measures.original = model
            measures.patched = [corrupt] + Array(repeating: corrupt, count: EdgeCurve.fractions.count - 1) + [last]
            return EdgeCurve(measures, graph: graph, seed: 0, workers: Workers(count: 1))
        }
        let clear = curve([5, 6, 7], corrupt: [1, 1.5, 2], last: [6, 6.5, 7.5])
        #expect(clear.points.map(\.note) == Array(repeating: nil, count: EdgeCurve.fractions.count - 1) + [.overshoot])
        #expect(!clear.isMeaningless)
        let same = curve([5, 6, 7], corrupt: [5.5, 5, 7.2], last: [6, 6.5, 7.5])
        #expect(same.isMeaningless && same.points.allSatisfy { $0.note == .meaningless })
    }
}
