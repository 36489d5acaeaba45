/// How ranks divide the values of a model.
extension Ranks {
    /// 8 MB of single precision: few enough for what is received to be in the processor's cache when it is added, and for
    /// a piece to be moved while the next is on its way.
    private static let mostOfPiece = 1 << 21

    /// The pieces that ranks divide one after another, as ranges of all values.
    func pieces(of values: Range<Int>) -> [Range<Int>] {
        let pieces = count == 1 ? 1 : (values.count + Self.mostOfPiece - 1) / Self.mostOfPiece
        return (0..<pieces).map {
            let (lower, upper) = (values.count * $0 / pieces, values.count * ($0 + 1) / pieces)
            return values.lowerBound + lower..<values.lowerBound + upper
        }
    }

    /// Those of a whole model.
    func pieces(of config: GPT2Config) -> [Range<Int>] {
        GPT2Parameters.groups(config).flatMap { pieces(of: GPT2Parameters.values(of: $0, config)) }
    }

    /// This rank's part of a piece.
    func part(of piece: Range<Int>) -> Range<Int> {
        let part = part(of: piece.count)
        return piece.lowerBound + part.lowerBound..<piece.lowerBound + part.upperBound
    }

    /// Gives rank 0 the moments that the others moved.
    func collect(_ optimizer: AdamW, of config: GPT2Config) {
        guard count > 1 else { return }
        for moments in [optimizer.first, optimizer.second] {
            for piece in pieces(of: config) {
                gatherParts(of: moments.start(of: piece), count: piece.count, size: moments.precision.size, to: 0)
            }
        }
    }

    /// Fails on all ranks unless all have the same weights.
    func checkEqual(_ parameters: GPT2Parameters, workers: Workers, at step: Int) throws {
        guard count > 1 else { return }
        let digests = gather(parameters.digest(workers: workers))
        guard let other = digests.firstIndex(where: { $0 != digests[0] }) else { return }
        throw IOIError("step \(step): the weights of rank \(other) differ from those of rank 0, expected the same")
    }
}

extension GPT2Parameters {
    /// Where a range of all values lies, in the memory of parameters that have one arena.
    func start(of values: Range<Int>) -> UnsafeMutablePointer<Float> { views[0].base + values.lowerBound }
}
