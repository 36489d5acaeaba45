/// How closely a name mover and a negative name mover, or the writers of another task, track each other: Pearson's ρ over
/// prompts of their direct attributions. (This project's measure of the twinning that Chhabra et al. 2503.01896
/// describe.)
public struct Twinning: Codable, Equatable, Sendable {
    public let nameMover, negativeNameMover: Head
    public let model, donor: Estimate
    /// The correlation of the changes from model to donor.
    public let change: Estimate

    enum CodingKeys: String, CodingKey {
        case nameMover = "name_mover"
        case negativeNameMover = "negative_name_mover"
        case model, donor, change
    }
}

/// The mean correlation over all pairs of a name mover and a negative name mover of the first model, or of its writers:
/// heads that write against each other before fine-tuning. Below 0 for the changes, fine-tuning changes them together,
/// still against each other.
public struct TwinningMean: Codable, Equatable, Sendable {
    /// The number of pairs.
    public let pairs: Int
    /// Without values if there are no pairs.
    public let model, donor, change: Estimate
}

/// Direct attributions in two models, with heads in layer-major order. [heads][prompts]
struct TwinningMeasures {
    let model, donor: [[Double]]
    /// The number of heads in a layer.
    let width: Int
    let seed: UInt64
    let workers: Workers

    /// Every pair of a mover and a negative one.
    func pairs(_ movers: [Head], _ negatives: [Head]) -> [Twinning] {
        let pairs = Self.product(movers, negatives)
        guard !pairs.isEmpty else { return [] }
        func estimates(_ columns: [[Double]]) -> [Estimate] {
            Correlation.estimates(pairs.map { [series($0, columns)] }, seed: seed, workers: workers)
        }
        let (inModel, inDonor, changes) = (estimates(model), estimates(donor), estimates(change))
        return pairs.indices.map { index in
            Twinning(
                nameMover: pairs[index].0, negativeNameMover: pairs[index].1, model: inModel[index],
                donor: inDonor[index], change: changes[index]
            )
        }
    }

    /// The means over every pair.
    func mean(_ movers: [Head], _ negatives: [Head]) -> TwinningMean {
        let pairs = Self.product(movers, negatives)
        func estimate(_ columns: [[Double]]) -> Estimate {
            Correlation.meanEstimate(pairs.map { series($0, columns) }, seed: seed, workers: workers)
        }
        return TwinningMean(
            pairs: pairs.count, model: estimate(model), donor: estimate(donor), change: estimate(change)
        )
    }

    private var change: [[Double]] { zip(model, donor).map { zip($0, $1).map { $1 - $0 } } }

    private static func product(_ movers: [Head], _ negatives: [Head]) -> [(Head, Head)] {
        movers.flatMap { mover in negatives.map { (mover, $0) } }
    }

    private func series(_ pair: (Head, Head), _ columns: [[Double]]) -> Correlation.Series {
        func column(_ head: Head) -> [Double] { columns[head.layer * width + head.index] }
        return (column(pair.0), column(pair.1))
    }
}
