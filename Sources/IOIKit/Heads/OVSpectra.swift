/// Spectra of the heads' OV circuits, from the weights alone.
///
/// The eigenvalue score is Σλ / Σ|λ| over the eigenvalues λ of a head's full OV circuit W_E · W_V · W_O · W_U, from
/// tokens to logits: 1 for copying, −1 for anti-copying (Elhage et al. 2021, "A Mathematical Framework for Transformer
/// Circuits"). The nonzero eigenvalues of this vocabulary × vocabulary matrix are those of W_O · W_U · W_E · W_V, the
/// same product cyclically permuted, which is only as large as a head is wide. γ and the mean subtraction of the head's
/// LayerNorm and of the final one are folded in. Their scales, which depend on the token, and biases are omitted. W_U
/// is centred over the vocabulary, which does not affect probabilities.
public struct OVSpectra: Codable, Equatable, Sendable {
    /// [layer][head]; nil if all eigenvalues are 0.
    public let eigenvalueScore: [[Double?]]
    /// Singular values of W_V · W_O without folding, in descending order. [layer][head][head width]
    public let singularValues: [[[Double]]]

    enum CodingKeys: String, CodingKey {
        case eigenvalueScore = "eigenvalue_score"
        case singularValues = "singular_values"
    }

    /// - Throws: `IOIError` if LAPACK does not converge; a ``PatchInterruption`` without measures.
    init(_ model: GPT2Parameters, settings: RunSettings, progress: (Double) -> Void = { _ in }) throws {
        let (config, workers) = (model.config, settings.workers)
        let (d, width) = (config.width, config.headWidth)
        let gram = Self.gram(of: model.tokenTable, workers: workers)
        let (reading, through) = (ValueTable(rows: d, columns: d), ValueTable(rows: d, columns: d))
        let (writing, circuit) = (ValueTable(rows: width, columns: d), ValueTable(rows: width, columns: width))
        func spectra(_ layer: Int) throws -> [Spectrum] {
            try settings.checkInterruption()
            let block = model.blocks[layer]
            reading.values.copy(block.qkvWeight.slice(columns: 2 * d..<3 * d))
            for row in 0..<d {
                for column in 0..<d { reading.values[row][column] *= block.ln1Gamma[0][row] }
            }
            let means = reading.values.columnMeans
            for row in 0..<d {
                for column in 0..<d { reading.values[row][column] -= Float(means[column]) }
            }
            GEMM.multiply(gram.values, reading.values, into: through.values, workers: workers)
            let heads = (0..<config.heads).map { Head(layer, $0) }
            let circuits = heads.map { head in
                writing.values.copy(model.weights(of: head).output)
                writing.values.subtractRowMeans()
                writing.values.scaleColumns(by: model.finalGamma)
                let band = head.index * width..<(head.index + 1) * width
                GEMM.multiply(
                    writing.values, through.values.slice(columns: band), into: circuit.values, workers: workers
                )
                return (0..<width).flatMap { circuit.values.row($0).map(Double.init) }
            }
            let spectra = workers.map(heads.count) { index in
                let weights = model.weights(of: heads[index])
                return (
                    Spectra.eigenvalues(of: circuits[index], size: width),
                    Spectra.singularValues(ofSum: [(weights.value.doubleColumns, weights.output.doubleRows)])
                )
            }
            return try zip(heads, spectra).map { head, spectra in
                guard let eigenvalues = spectra.0, let singularValues = spectra.1 else {
                    throw IOIError("head \(head): LAPACK does not converge on the spectrum of its OV circuit")
                }
                return Spectrum(score: Self.score(eigenvalues), singularValues: singularValues)
            }
        }
        let layers = try settings.divide(config.layers) { layers in
            try layers.map { layer in
                defer { progress(Double(layer - layers.lowerBound + 1) / Double(layers.count)) }
                return try spectra(layer)
            }
        }
        eigenvalueScore = layers.map { $0.map(\.score) }
        singularValues = layers.map { $0.map(\.singularValues) }
    }

    /// Of one head.
    private struct Spectrum: Codable {
        let score: Double?
        let singularValues: [Double]
    }

    /// Σλ / Σ|λ|. Imaginary parts cancel in conjugate pairs.
    static func score(_ eigenvalues: [(real: Double, imaginary: Double)]) -> Double? {
        let sizes = eigenvalues.reduce(0) { $0 + ($1.real * $1.real + $1.imaginary * $1.imaginary).squareRoot() }
        return sizes > 0 ? eigenvalues.reduce(0) { $0 + $1.real } / sizes : nil
    }

    /// The Gram matrix of the columns of `table` after centring them. [d, d]
    private static func gram(of table: Matrix, workers: Workers) -> ValueTable {
        let (d, chunk) = (table.columns, 4096)
        let means = table.columnMeans
        let gram = ValueTable(rows: d, columns: d)
        let centred = ValueTable(rows: min(chunk, table.rows), columns: d)
        for start in stride(from: 0, to: table.rows, by: chunk) {
            let rows = centred.values.prefix(min(chunk, table.rows - start))
            for row in 0..<rows.rows {
                for column in 0..<d { rows[row][column] = table[start + row][column] - Float(means[column]) }
            }
            GEMM.multiply(rows.transposed, rows, into: gram.values, beta: 1, workers: workers)
        }
        return gram
    }
}
