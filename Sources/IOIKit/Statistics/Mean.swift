extension [Double] {
    /// The mean; not a number of none.
    var mean: Double { reduce(0, +) / Double(count) }
}
