extension [Double] {
    /// The standard deviation of a sample, with n − 1; 0 of fewer than two values.
    var standardDeviation: Double {
        guard count > 1 else { return 0 }
        let mean = reduce(0, +) / Double(count)
        let squares = reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(count - 1)).squareRoot()
    }
}
