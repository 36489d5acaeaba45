/// The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): the residual stream between two blocks, read
/// as if the model ended there, by the final LayerNorm and the unembedding.
struct LogitLens {
    private let model: GPT2Parameters
    private let workers: Workers
    /// The output of the final LayerNorm, its means and scales, and the logits, for some rows.
    private let normal, statistics, logits: ValueTable

    /// Rows that are read together: enough for products to run at full speed.
    static let rows = 128

    init(_ model: GPT2Parameters, workers: Workers) {
        (self.model, self.workers) = (model, workers)
        normal = ValueTable(rows: Self.rows, columns: model.config.width)
        statistics = ValueTable(rows: Self.rows, columns: 2)
        logits = ValueTable(rows: Self.rows, columns: model.config.vocabularySize)
    }

    /// The final LayerNorm of `residual`. [n, d], with n at most ``rows``
    ///
    /// - Returns: a view that the next call overwrites. [n, d]
    func normalized(_ residual: Matrix) -> Matrix {
        let normal = normal.values.prefix(residual.rows)
        LayerNorm.forward(
            residual, gamma: model.finalGamma, beta: model.finalBeta, epsilon: model.config.layerNormEpsilon,
            into: normal, statistics: statistics.values.prefix(residual.rows), workers: workers
        )
        return normal
    }

    /// What each row of `residual` [n, d] says: the logits of the next token. [vocabulary]
    ///
    /// - Throws: `IOIError` if a logit is not a finite number.
    func read<Value: Sendable>(
        _ residual: Matrix,
        _ body: @Sendable (UnsafeBufferPointer<Float>) -> Value
    ) throws -> [Value] {
        var values: [Value] = []
        for start in stride(from: 0, to: residual.rows, by: Self.rows) {
            let rows = start..<min(start + Self.rows, residual.rows)
            let logits = logits.values.prefix(rows.count)
            GEMM.multiply(
                normalized(residual.slice(rows: rows)), model.tokenTable.transposed, into: logits, workers: workers)
            for row in 0..<rows.count {
                // A number that is not finite leaves a sum that is not.
                guard logits.row(row).reduce(0, +).isFinite else {
                    throw IOIError("the model's logits are not finite numbers")
                }
            }
            values += workers.map(rows.count) { body(logits.row($0)) }
        }
        return values
    }
}
