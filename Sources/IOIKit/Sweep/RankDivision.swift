/// How the ranks divide a sweep: the prompts, batch by batch in turn, or, where prompts are few, the patched runs of every
/// batch.
struct RankDivision {
    /// The prompts of each batch, in order. The ranks take them in turn unless they divide the runs.
    let batches: [Range<Int>]
    let dividesRuns: Bool
    private let prompts: Range<Int>

    /// - Parameters:
    ///   - prompts: those to measure.
    ///   - batchSize: the most prompts of a batch.
    ///   - cells: the number of patched runs of a prompt.
    init(prompts: Range<Int>, batchSize: Int, cells: Int, ranks: Ranks) {
        self.prompts = prompts
        let (count, most) = (prompts.count, max(1, batchSize))
        func pieces(_ size: Int) -> Int { (count + size - 1) / size }
        // A patched run recomputes about a third of the model. The runs of the prompt and its counterfactual are made by
        // each rank that measures any of its patched runs.
        let (whole, patched) = (2.0, Double(cells) / 3)
        let byPrompts = Double(pieces(ranks.count)) * (whole + patched)
        let byRuns = Double(count) * (whole + patched / Double(ranks.count))
        dividesRuns = ranks.count > 1 && byRuns < byPrompts
        guard ranks.count > 1, !dividesRuns else {
            batches = stride(from: 0, to: count, by: most).map { start in
                prompts.lowerBound + start..<prompts.lowerBound + min(start + most, count)
            }
            return
        }
        // As many for each rank, of about the same size.
        let total = pieces(most * ranks.count) * ranks.count
        batches = (0..<total).map { index in
            prompts.lowerBound + count * index / total..<prompts.lowerBound + count * (index + 1) / total
        }.filter { !$0.isEmpty }
    }

    /// Measures the batches and puts them together, on every rank.
    ///
    /// - Parameters:
    ///   - known: the measures of the prompts before.
    ///   - progress: called with the share of all prompts that is done.
    ///   - body: measures a batch, and reports the share of it that is done.
    /// - Throws: on all ranks, the first error of `body`; a ``PatchInterruption`` with the measures of the first prompts.
    func measure(
        _ known: PatchMeasures,
        _ settings: RunSettings,
        _ progress: @escaping (Double) -> Void,
        _ body: (_ batch: Range<Int>, _ report: @escaping (Double) throws -> Void) throws -> PatchMeasures
    ) throws -> PatchMeasures {
        let ranks = settings.ranks.isShard ? .alone : settings.ranks
        let mine =
            ranks.count == 1 || dividesRuns
            ? batches : batches.indices.filter { $0 % ranks.count == ranks.rank }.map { batches[$0] }
        let before = known.count
        let size = mine.reduce(0) { $0 + $1.count }
        var done = 0
        func measure(_ batch: Range<Int>) throws -> PatchMeasures {
            defer { done += batch.count }
            return try body(batch) { share in
                let part = (Double(done) + share * Double(batch.count)) / Double(max(size, 1))
                progress((Double(before) + part * Double(prompts.count)) / Double(max(before + prompts.count, 1)))
                if settings.isStopping { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
            }
        }
        var measures = known
        guard ranks.count > 1, !dividesRuns else {
            for batch in mine {
                do {
                    measures.append(try measure(batch))
                } catch is PatchInterruption {
                    throw PatchInterruption(measures: measures)
                }
            }
            return measures
        }
        var measured: [PatchMeasures] = []
        let all = try settings.gatherUntilStopped {
            for batch in mine { measured.append(try measure(batch)) }
        } values: {
            measured
        }
        for index in batches.indices {
            guard let part = all.values[index % ranks.count].dropFirst(index / ranks.count).first else { break }
            measures.append(part)
        }
        guard !all.isStopped else { throw PatchInterruption(measures: measures) }
        return measures
    }
}
