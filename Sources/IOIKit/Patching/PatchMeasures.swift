/// The logit differences of prompts without patching and in each patched run of a sweep.
public struct PatchMeasures: Equatable, Sendable, Codable {
    /// Wraps the measuring of a stage, so that interrupted work of several stages can be gone on with: it is told the
    /// stage's name, and its body takes what an interrupted call measured.
    public typealias Measuring = (
        _ stage: String, _ body: (PatchMeasures?) throws -> PatchMeasures
    ) throws -> PatchMeasures

    /// Of the run that is patched. [prompts]
    public var original: [Double] = []
    /// Of the run that the values come from, where it is one on a whole input. [prompts]
    public var donor: [Double]?
    /// [cells][prompts]
    public var patched: [[Double]]

    init(cells: Int) { patched = Array(repeating: [], count: cells) }

    /// How many prompts are measured.
    public var count: Int { original.count }

    mutating func append(_ other: PatchMeasures) {
        original += other.original
        if let more = other.donor { donor = (donor ?? []) + more }
        for cell in patched.indices { patched[cell] += other.patched[cell] }
    }

    /// The same changes, as changes of another original: of what is left where something is knocked out, which may be
    /// nearly nothing, shares would say little.
    func moved(to original: [Double]) -> PatchMeasures {
        var moved = PatchMeasures(cells: 0)
        moved.original = original
        let less = zip(original, self.original).map { $0 - $1 }
        moved.patched = patched.map { zip($0, less).map { $0 + $1 } }
        return moved
    }
}
