/// Compares recorded figures with repeated ones, one by one.
///
/// Numbers may differ within a tolerance. Its relative part does not apply to whole numbers, so counts have to be equal.
/// Texts, heads, nulls and the structure have to be equal. Durations are not compared.
public struct FigureComparison: Sendable {
    /// The allowed difference: |found − recorded| ≤ absolute + relative · |recorded|.
    ///
    /// Both default to a thousandth. On a trained model of 4 layers, another number of threads, another batching of runs
    /// and OpenBLAS's kernels for other processors (Zen, Haswell, Nehalem) changed the 12,000 figures of all commands by
    /// at most 1.1e-5: a prompt's logit difference by 6e-6, means and their intervals by 3e-6, effects and their intervals,
    /// which are in per cent, by 1.1e-5. Logits near −100, as GPT-2 has, are precise to 8e-6. On a random model of GPT-2's
    /// size, whose mean logit difference is near zero, effects changed by 4e-4 and the bounds of their intervals by 1.5e-2,
    /// up to a thousandth of their value. The defaults allow for that.
    public struct Tolerance: Codable, Equatable, Sendable {
        public var absolute: Double
        public var relative: Double

        public init(absolute: Double = 1e-3, relative: Double = 1e-3) {
            self.absolute = absolute
            self.relative = relative
        }

        func allowed(_ recorded: Double, _ found: Double, isRank: Bool) -> Double {
            let areWhole = recorded == recorded.rounded() && found == found.rounded()
            return absolute + (areWhole && !isRank ? 0 : relative * abs(recorded))
        }
    }

    /// A figure that differs by more than the tolerance.
    public struct Move: Equatable, Sendable {
        /// Such as `results.effect[9][6]`.
        public let path: String
        /// nil if it is missing.
        public let recorded, found: JSONValue?
        /// The allowed difference; 0 if the values have to be equal.
        public var tolerance = 0.0

        /// nil if either is not a number.
        public var difference: Double? {
            guard case .number(let recorded) = recorded, case .number(let found) = found else { return nil }
            return abs(found - recorded)
        }
    }

    /// A single figure, or those of a map, an interval, a list or all prompts.
    public struct Group: Equatable, Sendable {
        public let name: String
        public internal(set) var compared = 0
        public internal(set) var moved: [Move] = []
    }

    public private(set) var groups: [Group] = []
    public let tolerance: Tolerance
    private let ignored, later: Set<String>

    /// - Parameters:
    ///   - ignored: the names of fields not to compare.
    ///   - later: the names of fields that are only compared if recorded.
    ///   - tolerance: how far figures may be apart.
    public init(tolerance: Tolerance, ignoring ignored: Set<String> = [], later: Set<String> = []) {
        self.tolerance = tolerance
        self.ignored = ignored
        self.later = later
    }

    /// - Parameters:
    ///   - path: the path of both values, for reports.
    ///   - recorded: the recorded value.
    ///   - found: the new value.
    public mutating func compare(_ recorded: JSONValue, _ found: JSONValue, at path: String) {
        compare(recorded, found, path, group: nil)
    }

    /// Compares two texts that have to be equal; does nothing if both are nil.
    mutating func compare(equal recorded: String?, _ found: String?, at path: String) {
        guard recorded != nil || found != nil else { return }
        add(
            path,
            recorded == found
                ? nil : Move(path: path, recorded: recorded.map { .string($0) }, found: found.map { .string($0) }))
    }

    private mutating func compare(_ recorded: JSONValue, _ found: JSONValue, _ path: String, group: String?) {
        switch (recorded, found) {
        case (.object(let recorded), .object(let found)):
            for name in Set(recorded.keys).union(found.keys).sorted() where !isIgnored(name) {
                let path = path + (name.contains(".") ? "[\(name.debugDescription)]" : ".\(name)")
                // All prompts form one group.
                let group = group ?? (name == "per_prompt" ? path : nil)
                if recorded[name] == nil, later.contains(name) { continue }
                guard let before = recorded[name], let after = found[name] else {
                    add(group ?? path, Move(path: path, recorded: recorded[name], found: found[name]))
                    continue
                }
                compare(before, after, path, group: group)
            }
        case (.array(let recorded), .array(let found)):
            guard recorded.count == found.count else {
                add(group ?? path, Move(path: path, recorded: .array(recorded), found: .array(found)))
                return
            }
            for (index, pair) in zip(recorded, found).enumerated() {
                // A list is one group, unless it is of objects.
                var group = group
                if case .object = pair.0 {} else { group = group ?? path }
                compare(pair.0, pair.1, "\(path)[\(index)]", group: group)
            }
        case (.number(let before), .number(let after)):
            let allowed = tolerance.allowed(before, after, isRank: path.contains("io_rank"))
            let isNear = abs(after - before) <= allowed
            add(group ?? path, isNear ? nil : Move(path: path, recorded: recorded, found: found, tolerance: allowed))
        default:
            add(group ?? path, recorded == found ? nil : Move(path: path, recorded: recorded, found: found))
        }
    }

    private func isIgnored(_ name: String) -> Bool {
        name == "seconds" || name.hasPrefix("seconds_") || ignored.contains(name)
    }

    private mutating func add(_ name: String, _ move: Move?) {
        // The figures of a group are consecutive.
        if groups.last?.name != name { groups.append(Group(name: name)) }
        groups[groups.count - 1].compared += 1
        if let move { groups[groups.count - 1].moved.append(move) }
    }
}

extension FigureComparison.Move: Encodable {
    enum CodingKeys: CodingKey {
        case path, recorded, found, difference, tolerance
    }

    // A missing value is left out; null is a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encodeIfPresent(recorded, forKey: .recorded)
        try container.encodeIfPresent(found, forKey: .found)
        try container.encodeIfPresent(difference, forKey: .difference)
        try container.encode(tolerance, forKey: .tolerance)
    }
}
