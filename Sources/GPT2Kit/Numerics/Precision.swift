/// How the factors of matrix products are represented. Sums, and everything else, are in single precision.
public enum Precision: String, CaseIterable, Codable, Sendable {
    /// Single precision.
    case fp32
    /// Three bfloat16 numbers that add up to the factor, on units that multiply bfloat16 fastest: six of their nine
    /// products are computed, and the others are below single precision. As exact as `fp32`.
    case bf16x3
    /// bfloat16, with 8 significant bits.
    case bf16

    /// The bfloat16 numbers that stand for each value; 0 where the value itself is used.
    package var parts: Int {
        switch self {
        case .fp32: 0
        case .bf16x3: 3
        case .bf16: 1
        }
    }

    /// The pairs of parts whose products count, the smallest products first.
    var products: [(a: Int, b: Int)] {
        switch self {
        case .fp32: []
        case .bf16x3: [(0, 2), (1, 1), (2, 0), (0, 1), (1, 0), (0, 0)]
        case .bf16: [(0, 0)]
        }
    }

    /// Whether a library computes products of this precision.
    public func isAvailable(with backend: Backend = .current) -> Bool {
        self == .fp32 || backend == .oneDNN && OneDNN.shared?.multipliesHalves == true
    }

    /// - Throws: ``IOIError`` of the field `precision` if a library does not compute products of this precision.
    public func check(with backend: Backend = .current) throws {
        guard isAvailable(with: backend) else {
            throw IOIError.invalid(
                "precision",
                "found \(rawValue), which needs oneDNN (libdnnl.so) and a processor with AVX-512, found \(backend.library)"
            )
        }
    }
}
