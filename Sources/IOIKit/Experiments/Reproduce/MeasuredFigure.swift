import Foundation

/// A figure as a results file has it.
public struct MeasuredFigure: Codable, Equatable, Sendable {
    /// nil for what is not finite.
    public let value: Double?
    public let ci95: [Double]?
    /// Whether the file says that the figure means nothing.
    public let isMeaningless: Bool

    enum CodingKeys: String, CodingKey {
        case value, ci95
        case isMeaningless = "meaningless"
    }

    init(value: Double?, ci95: [Double]?, isMeaningless: Bool = false) {
        self.value = value
        self.ci95 = ci95
        self.isMeaningless = isMeaningless
    }

    /// The figure at the end of `steps` in a file's `results`: a mean with its interval, or a number whose interval
    /// stands beside it as `NAME_ci95` or, alone, as `ci95`.
    ///
    /// - Throws: ``IOIError`` naming the field that is missing.
    init(at steps: [String], in results: Any, file: String) throws {
        var (value, parent, name) = (results, results, "results")
        for step in steps {
            parent = value
            name = step
            guard let next = Self.child(step, of: value) else {
                throw IOIError(
                    "\(file): results.\(steps.joined(separator: ".")): found nothing at \(step), expected a figure")
            }
            value = next
        }
        let siblings = parent as? [String: Any] ?? [:]
        if let fields = value as? [String: Any], let mean = fields["mean"] {
            self.init(value: Self.number(mean), ci95: Self.numbers(fields["ci95"]))
        } else {
            self.init(
                value: Self.number(value), ci95: Self.numbers(siblings["\(name)_ci95"] ?? siblings["ci95"]),
                isMeaningless: siblings["\(name)_note"] as? String == RatioNote.meaningless.rawValue
            )
        }
    }

    private static func child(_ step: String, of value: Any) -> Any? {
        if let fields = value as? [String: Any] {
            // Of a map of heads, one of them.
            if let head = Head(step), let map = fields["value"] as? [[Any]] {
                guard map.indices.contains(head.layer), map[head.layer].indices.contains(head.index) else { return nil }
                var figure = ["mean": map[head.layer][head.index]]
                figure["ci95"] = (fields["ci95"] as? [[Any]])?[head.layer][head.index]
                return figure
            }
            return fields[step]
        }
        guard let list = value as? [Any] else { return nil }
        if let index = Int(step) { return list.indices.contains(index) ? list[index] : nil }
        return list.first { ($0 as? [String: Any])?["name"] as? String == step }
    }

    private static func number(_ value: Any?) -> Double? { (value as? NSNumber)?.doubleValue }

    private static func numbers(_ value: Any?) -> [Double]? {
        guard let list = value as? [Any] else { return nil }
        let numbers = list.compactMap { number($0) }
        return numbers.count == 2 && list.count == 2 ? numbers : nil
    }
}
