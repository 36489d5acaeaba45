/// How the counterfactual of a prompt is made. It has the same length and differs only in names.
public enum Counterfactual: String, CaseIterable, Codable, Sendable {
    /// ABC: distinct random names at IO, S1 and S2, so that no name repeats.
    case distinct
    /// ABC as in the code of Wang et al. (2211.00593): every IO becomes a random name, then every S, then S1 alone. Names
    /// may collide.
    case wang
    /// S2 becomes IO, so that the two people trade roles.
    case s2ToIO = "s2-to-io"
    /// IO and S1 trade places.
    case swapFirstClause = "swap-first-clause"
    /// Both names are replaced throughout by names that are not in the prompt.
    case randomNames = "random-names"

    /// Whether it draws random names.
    public var drawsNames: Bool {
        switch self {
        case .distinct, .wang, .randomNames: true
        case .s2ToIO, .swapFirstClause: false
        }
    }

    /// The tokens of the counterfactual.
    ///
    /// Names are single tokens at known positions, so no template is needed.
    ///
    /// - Parameters:
    ///   - tokens: the tokens of the prompt.
    ///   - positions: the positions of the names in `tokens`.
    ///   - names: the tokens of the names to draw from.
    ///   - generator: the random numbers.
    /// - Throws: `IOIError` if there are too few names to draw from.
    public func tokens(
        from tokens: [Int],
        positions: Positions,
        names: [Int],
        using generator: inout SeededGenerator
    ) throws -> [Int] {
        let io = tokens[positions.io]
        let s = tokens[positions.s1]
        var edited = tokens
        switch self {
        case .distinct:
            let drawn = try draw(3, from: names, using: &generator)
            edited[positions.io] = drawn[0]
            edited[positions.s1] = drawn[1]
            edited[positions.s2] = drawn[2]
        case .wang:
            let drawn = try (0..<3).map { _ in try draw(1, from: names, using: &generator)[0] }
            edited = edited.map { $0 == io ? drawn[0] : $0 }
            edited = edited.map { $0 == s ? drawn[1] : $0 }
            edited[positions.s1] = drawn[2]
        case .s2ToIO:
            edited[positions.s2] = io
        case .swapFirstClause:
            edited.swapAt(positions.io, positions.s1)
        case .randomNames:
            let present = [io, s, tokens[positions.s2]]
            let drawn = try draw(2, from: names.filter { !present.contains($0) }, using: &generator)
            edited = edited.map { $0 == io ? drawn[0] : $0 == s ? drawn[1] : $0 }
        }
        return edited
    }

    /// Distinct names, uniform over ordered choices.
    private func draw(
        _ count: Int,
        from names: [Int],
        using generator: inout SeededGenerator
    ) throws -> [Int] {
        guard names.count >= count else {
            throw IOIError(
                "names: found \(names.count) to draw from, expected at least \(count) for the counterfactual "
                    + "\"\(rawValue)\""
            )
        }
        var drawn: [Int] = []
        while drawn.count < count {
            let name = names[generator.below(names.count)]
            if !drawn.contains(name) { drawn.append(name) }
        }
        return drawn
    }
}
