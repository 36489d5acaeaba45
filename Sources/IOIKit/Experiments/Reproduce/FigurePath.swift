/// The way to a figure in a plan's results: model, measure, and the steps to it in the results file, such as
/// `clean@1/outputs/donor-to-host/sets/circuit/recovered` or, on other prompts than the plan's own,
/// `base/heads:greater-than/logit_difference`.
public struct FigurePath: Hashable, TextCoded {
    package static let form = "model/measure/field, such as \"clean@1/eval/logit_difference\""

    /// Takes the place of a measure in the path to a figure of a model's training run.
    static let training = "training"

    public let model: PlanModel
    /// nil for the training run, whose only figure is the mean `loss` of its steps.
    public let measure: Plan.Measure?
    /// Each is a field, an entry of a list by its `name` or index, or a head of a map.
    public let steps: [String]

    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, let model = PlanModel(parts[0]), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.model = model
        measure = Plan.Measure(parts[1])
        steps = Array(parts[2...])
        guard measure != nil || parts[1] == Self.training else { return nil }
    }

    public var description: String { ([measurement] + steps).joined(separator: "/") }

    /// The heads among the steps.
    var heads: [Head] { steps.compactMap { Head($0) } }

    var format: FigureFormat {
        switch steps.last(where: { Head($0) == nil }) {
        case "ratio", "recovered", "accuracy", "top1", "sparsity", "io_probability", "probability_difference": .share
        case "effect", "share": .percent
        default: .number
        }
    }

    /// The measurement that contains it.
    var measurement: String { "\(model)/\(measure?.description ?? Self.training)" }
}

extension Estimate {
    /// The figure at the end of `steps` in the `results` of a file: a mean with its interval, or a number whose interval
    /// has the key `NAME_ci95` or `ci95` or, in an object with that key, NAME.
    ///
    /// - Throws: `IOIError` that names the missing field.
    init(at steps: [String], in results: JSONValue, file: String) throws {
        var (value, parent, name) = (results, results, "results")
        for step in steps {
            let around = parent
            parent = value
            guard let next = value.child(step) ?? around.figure(of: step, inMap: name) else {
                throw IOIError(
                    "\(file): results.\(steps.joined(separator: ".")): found nothing at \(step), expected a figure")
            }
            (value, name) = (next, step)
        }
        if let mean = value["mean"] ?? value["value"] {
            let isMeaningless = value["note"] == .string(RatioNote.meaningless.rawValue)
            self.init(value: mean.number, ci95: value["ci95"]?.interval, isMeaningless: isMeaningless)
        } else {
            let intervals = parent["\(name)_ci95"] ?? parent["ci95"]
            self.init(
                value: value.number, ci95: (intervals?[name] ?? intervals)?.interval,
                isMeaningless: parent["\(name)_note"] == .string(RatioNote.meaningless.rawValue)
            )
        }
    }
}

extension JSONValue {
    /// The figures of all heads at the end of `steps` in the `results` of a file. [layers][heads]
    ///
    /// - Throws: `IOIError` that names the field.
    func map(at steps: [String], file: String) throws -> [[Double]] {
        var value = self
        for step in steps { value = value.child(step) ?? .null }
        guard case .array(let rows) = value["value"] ?? value else {
            let field = (["results"] + steps).joined(separator: ".")
            throw IOIError("\(file): \(field): found no map, expected a figure of each head")
        }
        return rows.map { row in
            guard case .array(let values) = row else { return [] }
            return values.map { $0.number ?? .nan }
        }
    }

    fileprivate subscript(_ name: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    fileprivate subscript(_ index: Int) -> JSONValue? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    fileprivate var number: Double? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    fileprivate var interval: [Double]? {
        guard case .array(let bounds) = self, bounds.count == 2 else { return nil }
        let numbers = bounds.compactMap(\.number)
        return numbers.count == 2 ? numbers : nil
    }

    /// A head's figure in the map `name`, whose intervals are a field beside it.
    fileprivate func figure(of step: String, inMap name: String) -> JSONValue? {
        guard let head = Head(step), let value = self[name]?[head.layer]?[head.index] else { return nil }
        let intervals = self["\(name)_ci95"] ?? self["ci95"]
        return .object([
            "mean": value, "ci95": intervals?[head.layer]?[head.index] ?? .null, "note": self["\(name)_note"] ?? .null,
        ])
    }

    /// A field, an entry of a list by its `name` or index, or a head's figure in a map of heads.
    fileprivate func child(_ step: String) -> JSONValue? {
        switch self {
        case .object(let fields):
            guard let head = Head(step), let map = fields["value"] else { return fields[step] }
            guard let value = map[head.layer]?[head.index] else { return nil }
            return .object(["mean": value, "ci95": fields["ci95"]?[head.layer]?[head.index] ?? .null])
        case .array(let entries):
            guard let index = Int(step) else { return entries.first { $0["name"] == .string(step) } }
            return self[index]
        default: return nil
        }
    }
}
