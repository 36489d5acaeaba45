/// Figures that were recorded, compared with the same found again, one by one.
///
/// Numbers may differ within a tolerance; between whole numbers its relative part is of no use, so that counts have to be
/// equal. Texts, heads, nulls and the structure have to be equal. How long something took is not compared.
public struct FigureComparison: Sendable {
    /// How far apart two numbers may be: |found − recorded| ≤ absolute + relative · |recorded|.
    ///
    /// By default a thousandth of each. Other threads, other stacking of runs and OpenBLAS's kernels for other processors
    /// (Zen, Haswell, Nehalem) changed the 12,000 figures of all commands on a trained model of 4 layers by 1.1e-5 at most:
    /// a prompt's logit difference by 6e-6, means and their intervals by 3e-6, effects and their intervals, which are per
    /// cents, by 1.1e-5. Logits near −100, as GPT-2's are, have a last bit of 8e-6. On a random model of GPT-2's size, whose
    /// mean logit difference is nearly zero, effects moved by 4e-4 and the ends of their intervals by 1.5e-2, up to a
    /// thousandth of themselves, which is what asks for so much.
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

    /// A figure that is out of tolerance.
    public struct Move: Equatable, Sendable {
        /// Such as `results.effect[9][6]`.
        public let path: String
        /// nil where there is nothing.
        public let recorded: JSONValue?
        /// nil where there is nothing.
        public let found: JSONValue?
        /// How far apart the two may be; 0 for what has to be equal.
        public var tolerance = 0.0

        /// How far apart two numbers are; nil for what is no number.
        public var difference: Double? {
            guard case .number(let recorded) = recorded, case .number(let found) = found else { return nil }
            return abs(found - recorded)
        }
    }

    /// Figures that belong together: one alone, or all of a map, of an interval, of a list, of all prompts.
    public struct Group: Equatable, Sendable {
        public let name: String
        public internal(set) var compared = 0
        public internal(set) var moved: [Move] = []
    }

    public private(set) var groups: [Group] = []
    public let tolerance: Tolerance
    private let ignored: Set<String>

    /// - Parameter ignored: names of fields that are not compared.
    public init(tolerance: Tolerance, ignoring ignored: Set<String> = []) {
        self.tolerance = tolerance
        self.ignored = ignored
    }

    /// - Parameter path: what the two are called.
    public mutating func compare(_ recorded: JSONValue, _ found: JSONValue, at path: String) {
        compare(recorded, found, path, group: nil)
    }

    /// What has to be equal, where there is any.
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
                // Of prompts there are many.
                let group = group ?? (name == "per_prompt" ? path : nil)
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
                // A list of objects is many things, any other list is one.
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
        // Figures of a group come one after the other.
        if groups.last?.name != name { groups.append(Group(name: name)) }
        groups[groups.count - 1].compared += 1
        if let move { groups[groups.count - 1].moved.append(move) }
    }
}
