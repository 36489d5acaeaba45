/// How fast one piece of work is on this machine.
public struct Timing: Codable, Equatable, Sendable {
    public let name: String
    /// The median over the repetitions.
    public let seconds: Double
    /// Floating-point operations of the products in it, in 10⁹ a second; nil where it has none.
    public let gigaflops: Double?
    /// `gigaflops` as a share of the best that a product reached in the same run.
    public var shareOfPeak: Double?

    enum CodingKeys: String, CodingKey {
        case name, seconds, gigaflops
        case shareOfPeak = "share_of_peak"
    }

    /// Times `body` once to warm up, then at least three times and for at least `leastSeconds`.
    static func measure(
        _ name: String,
        flops: Double? = nil,
        leastSeconds: Double = 0.3,
        _ body: () throws -> Void
    ) rethrows -> Timing {
        try body()
        var times: [Double] = []
        while times.count < 3 || times.reduce(0, +) < leastSeconds {
            let started = ContinuousClock.now
            try body()
            times.append((ContinuousClock.now - started) / .seconds(1))
        }
        let median = times.sorted()[times.count / 2]
        return Timing(name: name, seconds: median, gigaflops: flops.map { $0 / median / 1e9 }, shareOfPeak: nil)
    }
}
