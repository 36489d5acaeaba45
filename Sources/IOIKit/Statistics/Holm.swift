/// Holm's correction for several tests (1979): the chance of any false discovery among them is at most the level.
public enum Holm {
    /// Adjusted p-values, to compare with the level itself.
    ///
    /// - Parameter pValues: of all tests of a family.
    /// - Returns: in the same order.
    public static func adjusted(_ pValues: [Double]) -> [Double] {
        var adjusted = pValues
        var largest = 0.0
        for (rank, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
            // No test is rejected whose smaller p-value was not enough for another.
            largest = max(largest, min(pValues[index] * Double(pValues.count - rank), 1))
            adjusted[index] = largest
        }
        return adjusted
    }
}
