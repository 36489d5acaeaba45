/// The distance between the heads' weights in two models of the same shape, without biases.
public struct WeightChange: Codable, Equatable, Sendable {
    /// The Frobenius norm ‖ΔW‖ for one of the heads' matrices.
    public struct Norms: Codable, Equatable, Sendable {
        /// [layer][head]
        public let change: [[Double]]
        /// Relative to ‖W‖ in the first model; nil if that is 0.
        public let relative: [[Double?]]

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            change = try container.decodeMap(of: Double.self, forKey: .change)
            relative = try container.decodeMap(of: Double?.self, forKey: .relative)
        }

        init(_ norms: [(change: Double, whole: Double)], heads: Int) {
            change = norms.map(\.change).rows(of: heads)
            relative = norms.map { $0.whole > 0 ? $0.change / $0.whole : nil }.rows(of: heads)
        }
    }

    public let query, key, value, output: Norms
    /// Of W_V · W_O.
    public let ov: Norms
    /// Singular values of the change of W_V · W_O, in descending order; at most twice the head width.
    /// [layer][head][singular values]
    public let singularValues: [[[Double]]]

    enum CodingKeys: String, CodingKey {
        case query, key, value, output, ov
        case singularValues = "ov_singular_values"
    }

    /// - Throws: `IOIError` if LAPACK does not converge.
    init(from model: GPT2Parameters, to other: GPT2Parameters, workers: Workers) throws {
        let config = model.config
        let heads = config.allHeads
        func norms(_ matrix: KeyPath<HeadWeights, Matrix>) -> Norms {
            Norms(
                heads.map { head in
                    let (old, new) = (
                        model.weights(of: head)[keyPath: matrix], other.weights(of: head)[keyPath: matrix]
                    )
                    var (change, whole) = (0.0, 0.0)
                    for row in 0..<old.rows {
                        for (old, new) in zip(old.row(row), new.row(row)) {
                            let difference = Double(new) - Double(old)
                            change += difference * difference
                            whole += Double(old) * Double(old)
                        }
                    }
                    return (change.squareRoot(), whole.squareRoot())
                },
                heads: config.heads
            )
        }
        query = norms(\.query)
        key = norms(\.key)
        value = norms(\.value)
        output = norms(\.output)
        let spectra = workers.map(heads.count) { index in
            let (old, new) = (model.weights(of: heads[index]), other.weights(of: heads[index]))
            let (oldValues, newOutputs) = (old.value.doubleColumns, new.output.doubleRows)
            // ΔV · O' + V · ΔO, because V' · O' − V · O loses digits for small changes.
            return (
                Spectra.singularValues(
                    ofSum: [
                        (Self.difference(new.value.doubleColumns, oldValues), newOutputs),
                        (oldValues, Self.difference(newOutputs, old.output.doubleRows)),
                    ]
                ),
                Spectra.singularValues(ofSum: [(oldValues, old.output.doubleRows)])
            )
        }
        let both = try zip(heads, spectra).map { head, spectra in
            guard let change = spectra.0, let whole = spectra.1 else {
                throw IOIError("head \(head): LAPACK does not converge on the spectrum of its OV circuit's change")
            }
            return (change, whole)
        }
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        ov = Norms(both.map { (norm($0.0), norm($0.1)) }, heads: config.heads)
        singularValues = both.map(\.0).rows(of: config.heads)
    }

    private static func difference(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        zip(a, b).map { zip($0, $1).map { $0 - $1 } }
    }
}
