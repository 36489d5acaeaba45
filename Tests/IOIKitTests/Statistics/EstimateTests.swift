import Foundation
import Testing

@testable import IOIKit

/// Resamples that cannot differ say nothing about other prompts, so their interval is not shown; files have its bounds.
@Suite struct EstimateTests {
    private struct Figures: FieldCoded {
        var figure = Estimate()
        static var fields: [Field<Figures>] { [.estimate("f", \.figure)] }
    }

    @Test(arguments: [[3.5], [2, 2, 2]])
    func anIntervalWithoutWidthIsNotShown(values: [Double]) throws {
        for estimate in [
            Estimate(meanOf: values, seed: 0),
            ResampledSums([values], seed: 0, workers: Workers(count: 1)).estimate { $0[0] / Double(values.count) },
        ] {
            #expect(estimate.value == values[0] && estimate.ci95 == nil)
            #expect(estimate.bounds == [values[0], values[0]])
            #expect(FigureFormat.number.cells(estimate)[1].isEmpty)
            let json = try JSONEncoder.readable.encode(estimate)
            let fields = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
            #expect(fields["ci95"] as? [Double] == estimate.bounds)
            let read = try JSONDecoder().decode(Estimate.self, from: json)
            #expect(read == estimate && read.ci95 == nil)
            let parts = try JSONSerialization.jsonObject(
                with: JSONEncoder.readable.encode(Figures(figure: estimate)))
            #expect((parts as? [String: Any])?["f_ci95"] as? [Double] == estimate.bounds)
        }
    }

    @Test func otherIntervalsAreShown() {
        let estimate = Estimate(meanOf: [1, 2, 4], seed: 0)
        #expect(estimate.ci95 == estimate.bounds && estimate.bounds[0] < estimate.bounds[1])
        #expect(Estimate(value: nil).ci95 == nil)
        let intervals: [[Double]?] = [[1, 1], [1, 2], nil]
        #expect(intervals.map(\.informativeBounds) == [nil, [1, 2], nil])
        let map = MapChart(title: "", values: [[1, 2]], intervals: [[[1, 1], [1, 3]]])
        #expect(map.intervals == [[nil, [1, 3]]])
    }
}
