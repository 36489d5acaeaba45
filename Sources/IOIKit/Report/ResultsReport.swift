import Foundation

/// The report of one results file of any experiment: what was measured, its picture, and every figure of it.
public struct ResultsReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]
    public let problems: [String] = []

    /// - Throws: `IOIError` if the file cannot be read or is not a results file.
    public init(of file: URL) throws {
        let json = try InputFile.read(file, limit: .max)
        let heading = try ResultsHeading(json, path: file.path)
        guard heading.command != Shard.command else {
            throw IOIError("\(file.path): holds a shard of the results, expected all shards, merged")
        }
        let document = try InputFile.decode(ResultsDocument<JSONValue, JSONValue>.self, from: json, path: file.path)
        var builder = ResultsReportBuilder(document: document, heading: heading, file: file)
        let sections = [builder.figures(), builder.options(), builder.repetition()]
        html =
            HTMLPage(
                title: "ioi \(heading.command): \(document.model.name)", lead: builder.opening(),
                sections: sections.compactMap { $0 }
            ).text
        charts = builder.charts
        tables = builder.tables
    }
}

/// Writes the sections of a ``ResultsReport``.
private struct ResultsReportBuilder: ReportBuilder {
    let document: ResultsDocument<JSONValue, JSONValue>
    let heading: ResultsHeading
    let file: URL
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []
    private let all: ResultsFigures

    /// The page lists this many figures; the results file has all.
    private static let listed = 400

    init(document: ResultsDocument<JSONValue, JSONValue>, heading: ResultsHeading, file: URL) {
        (self.document, self.heading, self.file) = (document, heading, file)
        all = ResultsFigures(of: document.results)
    }

    mutating func opening() -> String {
        var opening = Opening()
        opening.facts = ["model \(document.model.name)"]
        if let donor = document.donor { opening.facts.append("donor \(donor.name)") }
        if let dataset = document.dataset {
            let seed = dataset.seed.map { ", seed \($0)" } ?? ""
            opening.facts.append("\(dataset.count) \(dataset.name) prompts\(seed)")
        }
        if let date = Self.date(of: file) { opening.facts.append(date) }
        opening.facts += [
            "\(document.seconds.duration) on \(Self.threads(document.environment.threads))",
            "ioi \(document.environment.version)", "brackets are 95 % intervals",
        ]
        // The figures of the whole before those of parts.
        let measured = all.figures.filter { $0.interval != nil }.enumerated().sorted {
            ($0.1.depth, $0.0) < ($1.1.depth, $1.0)
        }
        opening.cards = measured.prefix(3).map(\.element).map { figure in
            Opening.Card(figure: "\(figure.text) \(figure.intervalText)", words: figure.name, colour: 0)
        }
        return opening.html
    }

    mutating func figures() -> HTMLPage.Section? {
        var pictures: [String] = []
        for map in all.maps.prefix(12) {
            let chart = MapChart(title: map.name, values: map.values, intervals: map.intervals, unit: "", decimals: 2)
            pictures.append(add(map.name.replacing(" ", with: "-"), chart.svg))
        }
        addTable(
            "figures", ["figure", "value", "low", "high"],
            all.figures.map { [$0.name, Self.full($0.value)] + [$0.interval?[0], $0.interval?[1]].map(Self.full) }
        )
        let shown = all.figures.prefix(Self.listed)
        guard !shown.isEmpty || !pictures.isEmpty else { return nil }
        let left = all.figures.count - shown.count
        return Section(
            title: "Figures",
            body: (left > 0 ? HTMLPage.paragraph("\(left) more figures are in the results file.") : "")
                + HTMLPage.figures(pictures)
                + HTMLTable(
                    "Figures by their names in the results file", ["figure", "value", "95 % interval"],
                    shown.map { [$0.name, $0.text, $0.intervalText] }, numbers: [1, 2]
                ).html
        )
    }

    func options() -> HTMLPage.Section? {
        let rows = document.options.leaves.map { [$0.path.joined(separator: " "), $0.value.plain] }
        guard !rows.isEmpty else { return nil }
        return Section(
            title: "Options", body: HTMLTable("As the results file has them", ["option", "value"], rows).html)
    }

    func repetition() -> HTMLPage.Section? {
        var facts = [
            ["command", "ioi verify \(file.path.shellWord)"], ["file", file.lastPathComponent],
            ["model", "\(document.model.name), SHA-256 \(document.model.sha256 ?? "unknown")"],
        ]
        if let donor = document.donor {
            facts.append(["donor", "\(donor.name), SHA-256 \(donor.sha256 ?? "unknown")"])
        }
        if let dataset = document.dataset {
            facts.append(["prompts", "\(dataset.count) \(dataset.name), SHA-256 \(dataset.sha256)"])
        }
        return Self.repetition(facts + [Self.version(document.environment)])
    }
}

/// The numbers of a results file, by their names.
struct ResultsFigures {
    struct Figure {
        let name: String
        let value: Double
        var interval: [Double]?
        /// The number of fields that lead to it.
        let depth: Int

        var text: String { Self.text(value) }
        var intervalText: String { interval.map { "[\(Self.text($0[0])), \(Self.text($0[1]))]" } ?? "" }

        /// Four significant digits, which are more than an interval leaves.
        private static func text(_ value: Double) -> String {
            let size = value == 0 ? 0 : Int(floor(log10(abs(value))))
            return value == value.rounded() && abs(value) < 1e6 ? value.fixed(0) : value.fixed(min(max(3 - size, 0), 8))
        }
    }

    /// A figure of each layer and head, or of each layer and column.
    struct Map {
        let name: String
        let values: [[Double?]]
        let intervals: [[[Double]?]]
    }

    private(set) var figures: [Figure] = []
    private(set) var maps: [Map] = []

    init(of results: JSONValue) { add(results, []) }

    /// Fields by which the entries of a list are called, the first that an entry has.
    private static let naming = ["name", "head", "node", "edge", "receiver"]

    /// Fields of each prompt, which are many and not figures of the whole.
    private static let skipped: Set<String> = ["per_prompt", "worst", "prompts", "tokens", "text", "texts"]

    private mutating func add(_ value: JSONValue, _ path: [String]) {
        switch value {
        case .number(let number):
            figures.append(Figure(name: path.joined(separator: " "), value: number, depth: path.count))
        case .array(let entries):
            for (index, entry) in entries.enumerated() {
                guard case .object(let fields) = entry else { continue }
                let names = Self.naming.compactMap { fields[$0] }.compactMap { field -> String? in
                    if case .string(let name) = field { name } else { nil }
                }
                add(entry, path + [names.first ?? "\(index)"])
            }
        case .object(let fields): add(fields, path)
        case .null, .bool, .string: break
        }
    }

    private mutating func add(_ fields: [String: JSONValue], _ path: [String]) {
        /// What the interval of a field is called.
        func interval(of name: String) -> JSONValue? {
            fields["\(name)_ci95"]
                ?? (["mean", "value", "ratio", "effect", "score"].contains(name) ? fields["ci95"] : nil)
        }
        for name in fields.keys.sorted() where !Self.skipped.contains(name) && !name.hasSuffix("ci95") && name != "std"
        {
            let path = path + (["mean", "value"].contains(name) && !path.isEmpty ? [] : [name])
            let title = path.joined(separator: " ").replacing("_", with: " ")
            if let map = fields[name]!.map, map.contains(where: { $0.count > 1 }) {
                maps.append(Map(name: title, values: map, intervals: interval(of: name)?.intervals(like: map) ?? []))
            } else if case .number(let number) = fields[name]! {
                figures.append(
                    Figure(name: title, value: number, interval: interval(of: name)?.bounds, depth: path.count))
            } else {
                add(fields[name]!, path)
            }
        }
    }
}

extension JSONValue {
    /// Everything that is not an object, with the names that lead to it.
    fileprivate var leaves: [(path: [String], value: JSONValue)] {
        guard case .object(let fields) = self else { return [([], self)] }
        return fields.sorted { $0.key < $1.key }.flatMap { name, value in
            value.leaves.map { ([name] + $0.path, $0.value) }
        }
    }

    /// The value in words.
    fileprivate var plain: String {
        switch self {
        case .string(let text): text
        case .array(let values): values.map(\.plain).joined(separator: ", ")
        case .object(let fields): fields.sorted { $0.key < $1.key }.map { "\($0) \($1.plain)" }.joined(separator: ", ")
        case .null, .bool, .number: description
        }
    }

    /// Rows of numbers; nil if it is anything else.
    fileprivate var map: [[Double?]]? {
        guard case .array(let rows) = self, !rows.isEmpty else { return nil }
        var map: [[Double?]] = []
        for row in rows {
            guard case .array(let cells) = row else { return nil }
            var values: [Double?] = []
            for cell in cells {
                switch cell {
                case .number(let number): values.append(number)
                case .null: values.append(nil)
                default: return nil
                }
            }
            map.append(values)
        }
        return map
    }

    /// Two numbers, the lower bound first; nil if it is anything else.
    fileprivate var bounds: [Double]? {
        guard case .array(let values) = self, values.count == 2, case .number(let low) = values[0],
            case .number(let high) = values[1]
        else { return nil }
        return [low, high]
    }

    /// The intervals of a map; nil if they have another shape.
    fileprivate func intervals(like map: [[Double?]]) -> [[[Double]?]]? {
        guard case .array(let rows) = self, rows.count == map.count else { return nil }
        var intervals: [[[Double]?]] = []
        for (row, values) in zip(rows, map) {
            guard case .array(let cells) = row, cells.count == values.count else { return nil }
            intervals.append(cells.map(\.bounds))
        }
        return intervals
    }
}
