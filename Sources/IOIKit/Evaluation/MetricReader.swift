/// Measures a metric from the output of the final LayerNorm at END, batch by batch.
///
/// The logit difference takes two dot products a row. The other metrics take the logits of the whole vocabulary, in
/// one product for many rows.
final class MetricReader {
    /// The output of the final LayerNorm at END of a prompt. [d]
    typealias Row = (prompt: Int, final: UnsafePointer<Float>)

    let metric: Metric
    private let model: GPT2Parameters
    private let workers: Workers
    private var prompts: ArraySlice<Prompt> = []
    /// ∂(logit difference)/∂(final output). [prompts][d]
    private var directions: [[Double]] = []
    /// The logits of unpatched runs. [prompts, vocabulary]
    private var reference: ValueTable?
    /// [rows, d], [rows, vocabulary]
    private lazy var finals = ValueTable(rows: Self.rows, columns: model.config.width)
    private lazy var logits = ValueTable(rows: Self.rows, columns: model.config.vocabularySize)

    /// - Parameter finals: a row for each prompt. [prompts, d]
    static func rows(_ finals: Matrix) -> [Row] { (0..<finals.rows).map { ($0, UnsafePointer(finals[$0])) } }

    /// Rows multiplied together: enough for products to run at full speed.
    static let rows = 128

    init(_ metric: Metric, _ model: GPT2Parameters, workers: Workers) {
        (self.metric, self.model, self.workers) = (metric, model, workers)
    }

    /// Takes the prompts of the rows to come.
    func prepare(_ prompts: ArraySlice<Prompt>) {
        self.prompts = prompts
        guard metric == .logitDifference else { return }
        directions = prompts.map { prompt in
            func mean(_ tokens: [Int]) -> [Double] {
                var sums = [Double](repeating: 0, count: model.config.width)
                for token in tokens {
                    let row = model.tokenTable[token]
                    for i in sums.indices { sums[i] += Double(row[i]) }
                }
                return tokens.count == 1 ? sums : sums.map { $0 / Double(tokens.count) }
            }
            return zip(mean(prompt.rightTokens), mean(prompt.wrongTokens)).map(-)
        }
    }

    /// A reader of the same prompts for rows of another model, whose divergences are from the same unpatched runs.
    func reader(of model: GPT2Parameters) -> MetricReader {
        let other = MetricReader(metric, model, workers: workers)
        other.prepare(prompts)
        other.reference = reference
        return other
    }

    /// Takes the unpatched runs that a divergence is measured from.
    ///
    /// - Parameter rows: of each prompt, in order.
    func takeReference(_ rows: [Row]) {
        guard metric == .divergence else { return }
        if reference.map({ $0.values.rows < rows.count }) ?? true {
            reference = ValueTable(rows: rows.count, columns: model.config.vocabularySize)
        }
        var first = 0
        forEachProduct(rows) { chunk, logits in
            reference!.values.slice(rows: first..<first + chunk.count).copy(logits)
            first += chunk.count
        }
    }

    /// The metric of each row.
    func values(_ rows: [Row]) -> [Double] {
        guard metric != .logitDifference else {
            return rows.map { row in
                let direction = directions[row.prompt]
                var sum = 0.0
                for i in direction.indices { sum += Double(row.final[i]) * direction[i] }
                return sum
            }
        }
        var values: [Double] = []
        values.reserveCapacity(rows.count)
        forEachProduct(rows) { chunk, logits in
            let reference = reference?.values
            values += workers.map(chunk.count) { place in
                let row = chunk[chunk.startIndex + place]
                let prompt = self.prompts[self.prompts.startIndex + row.prompt]
                return self.metric.value(of: prompt, logits: logits.row(place), reference: reference?.row(row.prompt))
            }
        }
        return values
    }

    /// The gradient of the metric with respect to the rows.
    ///
    /// - Parameters:
    ///   - rows: where the metric is measured.
    ///   - scale: a factor.
    ///   - targets: where each row's gradient goes. [d] each
    func gradient(_ rows: [Row], times scale: Float, into targets: [UnsafeMutablePointer<Float>]) {
        let width = model.config.width
        guard metric != .logitDifference else {
            for (row, target) in zip(rows, targets) {
                for i in 0..<width { target[i] = scale * Float(directions[row.prompt][i]) }
            }
            return
        }
        var done = 0
        forEachProduct(rows) { chunk, logits in
            let reference = reference?.values
            workers.share(chunk.count) { places in
                for place in places {
                    let row = chunk[chunk.startIndex + place]
                    let prompt = self.prompts[self.prompts.startIndex + row.prompt]
                    self.metric.differentiate(
                        logits[place], count: logits.columns, prompt, reference: reference?.row(row.prompt)
                    )
                }
            }
            let products = finals.values.prefix(chunk.count)
            GEMM.multiply(logits, model.tokenTable, into: products, alpha: scale, workers: workers)
            for place in 0..<chunk.count { targets[done + place].update(from: products[place], count: width) }
            done += chunk.count
        }
    }

    /// Calls `body` with pieces of the rows and their logits. [piece, vocabulary]
    private func forEachProduct(_ rows: [Row], _ body: (_ chunk: ArraySlice<Row>, _ logits: Matrix) -> Void) {
        for start in stride(from: 0, to: rows.count, by: Self.rows) {
            let chunk = rows[start..<min(start + Self.rows, rows.count)]
            let (finals, logits) = (finals.values.prefix(chunk.count), logits.values.prefix(chunk.count))
            for (place, row) in chunk.enumerated() {
                finals[place].update(from: row.final, count: model.config.width)
            }
            GEMM.multiply(finals, model.tokenTable.transposed, into: logits, workers: workers)
            body(chunk, logits)
        }
    }
}

extension Metric {
    /// Turns logits into the gradient of the metric with respect to them. [vocabulary]
    ///
    /// With p the softmax, R and W the right and wrong tokens, and q the unpatched run's softmax:
    ///
    /// | metric | gradient |
    /// |---|---|
    /// | probability difference | p · ([R] − [W] − value) |
    /// | log probability | p · [R] / P(R) − p |
    /// | KL | p − q |
    fileprivate func differentiate(
        _ logits: UnsafeMutablePointer<Float>,
        count: Int,
        _ prompt: Prompt,
        reference: UnsafeBufferPointer<Float>?
    ) {
        let largest = Softmax.maximum(logits, count: count)
        let total = Softmax.sumOfExponentials(logits, count: count, minus: largest, storing: true)
        let p = UnsafeMutableBufferPointer(start: logits, count: count)
        for i in p.indices { p[i] /= total }
        func sum(_ tokens: [Int]) -> Float { tokens.reduce(0) { $0 + p[$1] } }
        switch self {
        case .logitDifference: preconditionFailure("the logit difference needs no logits")
        case .probabilityDifference:
            let value = sum(prompt.rightTokens) - sum(prompt.wrongTokens)
            let (right, wrong) = (prompt.rightTokens.map { p[$0] }, prompt.wrongTokens.map { p[$0] })
            for i in p.indices { p[i] *= -value }
            for (token, own) in zip(prompt.rightTokens, right) { p[token] += own }
            for (token, own) in zip(prompt.wrongTokens, wrong) { p[token] -= own }
        case .logProbability:
            let (all, right) = (sum(prompt.rightTokens), prompt.rightTokens.map { p[$0] })
            for i in p.indices { p[i] *= -1 }
            // Right tokens of no probability in this precision are taken as equally probable.
            for (token, own) in zip(prompt.rightTokens, right) {
                p[token] += all > 0 ? own / all : 1 / Float(right.count)
            }
        case .divergence:
            guard let reference else { preconditionFailure("a divergence from nothing") }
            let prediction = Prediction(reference)
            prediction.subtractProbabilities(from: p)
        }
    }
}
