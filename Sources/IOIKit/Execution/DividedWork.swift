extension RunSettings {
    /// What `values` returns on each rank after `body`.
    ///
    /// - Throws: on all ranks, the error of the first rank whose `body` threw one.
    /// - Returns: also whether a rank was interrupted, which stops the others.
    func gatherUntilStopped<Value: Codable>(
        _ body: () throws -> Void,
        values: () -> Value
    ) throws -> (values: [Value], isStopped: Bool) {
        let all = try ranks.gather { () -> Stoppable<Value> in
            do {
                try body()
                return Stoppable(value: values(), isStopped: false)
            } catch {
                ranks.tellToStop()
                guard error is PatchInterruption else { throw error }
                return Stoppable(value: values(), isStopped: true)
            }
        }
        return (all.map(\.value), all.contains(where: \.isStopped))
    }

    /// What `body` returns on each rank.
    ///
    /// - Throws: on all ranks, the error of the first rank that threw one; a ``PatchInterruption`` without measures if one
    ///   was interrupted.
    func gather<Value: Codable>(_ body: () throws -> Value) throws -> [Value] {
        guard ranks.count > 1 else { return [try body()] }
        var value: Value?
        let all = try gatherUntilStopped {
            value = try body()
        } values: {
            value
        }
        guard !all.isStopped else { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
        return all.values.map { $0! }
    }

    /// The values of `0 ..< items`, which the ranks divide among them.
    ///
    /// - Parameter body: finds those of this rank's part.
    /// - Throws: as ``gather(_:)``.
    func divide<Value: Codable>(_ items: Int, _ body: (Range<Int>) throws -> [Value]) throws -> [Value] {
        let found = Array(try gather { try body(ranks.part(of: items)) }.joined())
        return ranks.isShard ? found.repeated(to: items) : found
    }

    /// Runs `body`, which looks at this rank's part of what the ranks divide.
    ///
    /// - Throws: as ``gather(_:)``.
    func divide(_ body: () throws -> Void) throws {
        _ = try gather { () -> Bool in
            try body()
            return true
        }
    }

    /// Puts together what the ranks found out about their parts of some prompts.
    func join(_ found: inout some PromptColumns, of prompts: Int) throws {
        if ranks.count > 1 { found.columns = try join(of: prompts) { found.columns } }
    }

    /// The columns of all prompts.
    ///
    /// - Parameter body: finds those of this rank's part.
    /// - Throws: as ``gather(_:)``.
    func join(of prompts: Int, _ body: () throws -> [[Double]]) throws -> [[Double]] {
        var own: [[Double]] = []
        let joined = try ranks.join {
            own = try body()
            return own
        }
        guard ranks.isShard else { return joined }
        let part = max(ranks.part(of: prompts).count, 1)
        return own.map { $0.repeated(to: $0.count / part * prompts) }
    }
}

/// What a pass finds out about prompts: columns of numbers, with equally many in each column for every prompt.
protocol PromptColumns {
    var columns: [[Double]] { get set }
}

extension Array {
    /// As many elements, from the beginning again where there are too few: what stands for the parts of other shards.
    func repeated(to count: Int) -> [Element] { isEmpty ? [] : (0..<count).map { self[$0 % self.count] } }
}

private struct Stoppable<Value: Codable>: Codable {
    let value: Value
    let isStopped: Bool
}
