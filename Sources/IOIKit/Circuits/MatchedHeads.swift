/// Random sets of heads, as large as a given set and with as many heads in each layer.
///
/// They are the null that the effect of a circuit is compared with: a change is local to the circuit only where
/// patching the circuit's heads does more than patching as many others at the same depths.
public enum MatchedHeads {
    /// In each layer, as many distinct heads as `heads` has there, drawn uniformly from all heads of the layer: those
    /// of the given set can be among them, and a layer that it has whole is whole in every drawn set.
    ///
    /// - Parameters:
    ///   - heads: of the model; one that stands twice counts once.
    ///   - seed: each set depends on it and on its own number only, so that a greater `count` goes on from the sets of
    ///     a smaller one.
    /// - Returns: `count` sets, each ascending.
    public static func sets(like heads: [Head], count: Int, config: GPT2Config, seed: UInt64) -> [[Head]] {
        let layers = Dictionary(grouping: Set(heads), by: \.layer).sorted { $0.key < $1.key }
        return (0..<count).map { index in
            var generator = SeededGenerator(seed, "matched heads", index)
            return layers.flatMap { layer, given in
                var indices = Array(0..<config.heads)
                generator.shuffle(&indices)
                return indices.prefix(given.count).sorted().map { Head(layer, $0) }
            }
        }
    }
}
