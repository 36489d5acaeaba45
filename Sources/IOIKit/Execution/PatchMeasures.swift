/// A metric of each prompt, unpatched and in each patched run of a sweep.
public struct PatchMeasures: Equatable, Sendable, Codable {
    /// What the measures of a stage have when it is done.
    public struct Size: Equatable, Sendable {
        let cells: Int
        var prompts: Int
        /// Whether there is one donor run.
        var hasDonor = false
    }

    /// Wraps a stage of the work so that it can be resumed. `body` takes the measures from an interrupted call.
    public typealias Measuring = (
        _ stage: String, _ size: Size, _ body: (PatchMeasures?) throws -> PatchMeasures
    ) throws -> PatchMeasures

    /// In the unpatched run. [prompts]
    public var original: [Double] = []
    /// In the donor run, if the values come from a single run. [prompts]
    public var donor: [Double]?
    /// [cells][prompts]
    public var patched: [[Double]]

    init(original: [Double] = [], patched: [[Double]]) { (self.original, self.patched) = (original, patched) }

    init(cells: Int) { self.init(patched: Array(repeating: [], count: cells)) }

    /// The number of prompts measured.
    public var count: Int { original.count }

    /// - Parameter isDone: whether all prompts were measured.
    /// - Throws: `IOIError` that names the field which is not of that size.
    func check(_ size: Size, isDone: Bool) throws {
        guard isDone ? count == size.prompts : count <= size.prompts else {
            throw IOIError(
                "original: found \(count) values, expected \(isDone ? "" : "at most ")\(size.prompts), one for each prompt"
            )
        }
        guard patched.count == size.cells else {
            throw IOIError("patched: found \(patched.count) lists, expected \(size.cells)")
        }
        if let cell = patched.firstIndex(where: { $0.count != count }) {
            throw IOIError(
                "patched[\(cell)]: found \(patched[cell].count) values, expected \(count), as many as original")
        }
        let donors = size.hasDonor ? count : 0
        guard donor?.count ?? 0 == donors else {
            throw IOIError("donor: found \(donor?.count ?? 0) values, expected \(donors)")
        }
    }

    mutating func append(_ other: PatchMeasures) {
        original += other.original
        if let more = other.donor { donor = (donor ?? []) + more }
        for cell in patched.indices { patched[cell] += other.patched[cell] }
    }

    /// The measures of as many prompts, from the first again where there are too few.
    func repeated(to count: Int) -> PatchMeasures {
        var all = PatchMeasures(original: original.repeated(to: count), patched: patched.map { $0.repeated(to: count) })
        all.donor = donor?.repeated(to: count)
        return all
    }

    /// The same changes applied to another unpatched run. After a knockout, what remains of the metric may be too
    /// small to express changes as a percentage of it.
    func rebased(on original: [Double]) -> PatchMeasures {
        let shift = zip(original, self.original).map { $0 - $1 }
        return PatchMeasures(original: original, patched: patched.map { zip($0, shift).map { $0 + $1 } })
    }
}

/// Thrown when a measurement is interrupted, with the measures to resume from.
public struct PatchInterruption: Error {
    public let measures: PatchMeasures
}
