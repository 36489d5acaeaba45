/// The speed of one piece of work on this machine.
public struct Timing: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// A matrix product.
        case product
        /// A kernel without matrix products.
        case kernel
        /// A part of training, or a whole step.
        case training
        /// The work of a command on a few prompts.
        case command
    }

    public let name: String
    /// nil in results of version 0.2.0.
    public let kind: Kind?
    /// The library of a product.
    public let backend: String?
    /// Of a product; nil for other work, which is in that of the run.
    public let precision: Precision?
    /// The median over the repetitions.
    public let seconds: Double
    /// 10⁹ floating-point operations per second, counting those that its matrix products need; nil if it has none.
    public let gigaflops: Double?
    /// `gigaflops` as a share of the fastest product so far in the same run and precision.
    public var shareOfPeak: Double?
    /// nil where the work is not done prompt by prompt.
    public let promptsPerSecond: Double?

    enum CodingKeys: String, CodingKey {
        case name, kind, backend, precision, seconds, gigaflops
        case shareOfPeak = "share_of_peak"
        case promptsPerSecond = "prompts_per_second"
    }

    /// After how long work is not repeated again.
    private static let longSeconds = 2.0

    /// Runs `body` once to warm up, then times it for at least `leastSeconds`, and three times unless that takes long.
    ///
    /// - Parameters:
    ///   - products: how a product is computed.
    ///   - flops: the floating-point operations of its matrix products.
    ///   - prompts: how many prompts it works on.
    static func measure(
        _ kind: Kind,
        _ name: String,
        products: Workers? = nil,
        flops: Double? = nil,
        prompts: Int? = nil,
        leastSeconds: Double,
        _ body: () throws -> Void
    ) rethrows -> Timing {
        try body()
        var times: [Double] = []
        var total = 0.0
        while total < leastSeconds || times.count < (total < longSeconds ? 3 : 1) {
            let started = ContinuousClock.now
            try body()
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            times.append(seconds)
            total += seconds
        }
        let median = times.sorted()[times.count / 2]
        return Timing(
            name: name, kind: kind, backend: products.map { "\($0.backend)" }, precision: products?.precision,
            seconds: median, gigaflops: flops.map { $0 / median / 1e9 },
            shareOfPeak: nil, promptsPerSecond: prompts.map { Double($0) / median }
        )
    }
}
