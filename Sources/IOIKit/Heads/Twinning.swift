/// Whether a name mover and a negative name mover go together: Pearson's ρ over prompts of their direct attributions.
/// (This project's measure of what Chhabra et al. 2503.01896 see side by side.)
public struct Twinning: Codable, Equatable, Sendable {
    public let nameMover, negativeNameMover: Head
    /// In each of two models.
    public let model, donor: Estimate
    /// Of the changes from the one to the other.
    public let change: Estimate

    enum CodingKeys: String, CodingKey {
        case nameMover = "name_mover"
        case negativeNameMover = "negative_name_mover"
        case model, donor, change
    }

    /// All pairs.
    ///
    /// - Parameters:
    ///   - model: direct attributions of all heads, layer by layer. [heads][prompts]
    ///   - donor: the same in the other model.
    static func pairs(
        _ movers: [Head],
        _ negatives: [Head],
        model: [[Double]],
        donor: [[Double]],
        config: GPT2Config,
        seed: UInt64,
        workers: Workers
    ) -> [Twinning] {
        let change = zip(model, donor).map { zip($0, $1).map { $1 - $0 } }
        let pairs = movers.flatMap { mover in negatives.map { (mover, $0) } }
        func figures(_ columns: [[Double]]) -> [Estimate] {
            func column(_ head: Head) -> [Double] { columns[head.layer * config.heads + head.index] }
            return Correlation.figures(
                pairs.map { [(column($0), column($1))] }, seed: seed, workers: workers
            )
        }
        let (inModel, inDonor, changes) = (figures(model), figures(donor), figures(change))
        return pairs.indices.map { index in
            Twinning(
                nameMover: pairs[index].0, negativeNameMover: pairs[index].1, model: inModel[index],
                donor: inDonor[index], change: changes[index]
            )
        }
    }
}
