/// Which pairs of names prompts may use: a tenth is held out of training.
///
/// The division depends on the names alone, not on a seed or on their order in the file, so that no two
/// datasets written with the same names mix up training and held-out pairs.
struct NamePairs: Sendable {
    struct Pair: Equatable, Sendable {
        /// Indices in the list of names.
        let first: Int
        let second: Int
    }

    let training: [Pair]
    let heldOut: [Pair]

    /// - Parameter names: three or more.
    init(_ names: [String]) {
        let alphabetical = names.indices.sorted { names[$0] < names[$1] }
        var ranked: [(rank: UInt64, pair: Pair)] = []
        for (place, first) in alphabetical.enumerated() {
            for second in alphabetical[(place + 1)...] {
                var hash = SeededGenerator(0, "name pair: \(names[first]), \(names[second])")
                ranked.append((hash.next(), Pair(first: first, second: second)))
            }
        }
        // Pairs were made in alphabetical order, and the index decides between equal ranks.
        let order = ranked.indices.sorted { (ranked[$0].rank, $0) < (ranked[$1].rank, $1) }
        let pairs = order.map { ranked[$0].pair }
        let heldOutCount = max(1, pairs.count / 10)
        heldOut = Array(pairs[..<heldOutCount])
        training = Array(pairs[heldOutCount...])
    }
}
