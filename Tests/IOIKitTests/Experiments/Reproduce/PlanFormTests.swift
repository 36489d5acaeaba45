import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The figures that a plan may name are those that its measures give.
@Suite struct PlanFormTests {
    private static let run = ReproductionReportTests.finished

    /// The paths to all numbers of some results, and to all that are no number.
    private static func paths(_ value: JSONValue, _ steps: [String] = []) -> (figures: [[String]], others: [[String]]) {
        var (figures, others) = ([[String]](), [[String]]())
        func add(_ next: JSONValue, _ step: String) {
            let found = paths(next, steps + [step])
            (figures, others) = (figures + found.figures, others + found.others)
        }
        switch value {
        case .number: figures.append(steps)
        case .object(let fields):
            // A mean with its interval is a figure itself.
            // One without a value is empty.
            if case .number? = fields["mean"] ?? fields["value"] {
                figures.append(steps)
            } else if !fields.isEmpty {
                others.append(steps)
            }
            for (name, next) in fields
            where !["ci95", "value", "mean", "std"].contains(name) && !name.hasSuffix("_ci95") {
                add(next, name)
            }
        case .array(let entries):
            others.append(steps)
            for (index, entry) in entries.enumerated() {
                if case .object(let fields) = entry, case .string(let name)? = fields["name"] { add(entry, name) }
                add(entry, "\(index)")
            }
        default: break
        }
        return (figures, others)
    }

    @Test func everyNumberOfRealResultsIsAFigure() throws {
        let record = try ReproductionRecord(in: Self.run.folder)
        var plan = record.plan
        var count = 0
        for measurement in record.measurements {
            let file = Self.run.folder.appendingPathComponent(measurement.file)
            let results = try InputFile.decode(ResultsDocument<JSONValue, JSONValue>.self, from: file).results
            let found = Self.paths(results)
            func claims(_ paths: [[String]]) -> [Claim] {
                paths.compactMap { steps in
                    FigurePath("\(measurement.model)/\(measurement.measure)/" + steps.joined(separator: "/")).map {
                        Claim(name: "c", text: "t", figure: $0, rule: Claim.Rule(atLeast: 0))
                    }
                }
            }
            plan.claims = claims(
                found.figures.filter { steps in !steps.contains { $0 == "per_prompt" || $0.contains("/") } })
            count += plan.claims.count
            #expect(throws: Never.self) { try plan.checkFigures() }
            // One letter more leads nowhere, and neither does a list or an object.
            let longer = found.figures.filter { $0.count == 1 }.map { [$0[0] + "x"] }
            let others = found.others.filter { steps in
                !steps.isEmpty && (try? Estimate(at: steps, in: results, file: "").value) == nil
            }
            for claim in claims(longer + others.prefix(30)) {
                plan.claims = [claim]
                #expect(throws: IOIError.self, "\(claim.figure)") { try plan.checkFigures() }
            }
        }
        #expect(count > 1000)
    }

    @Test func whatABaseModelOrATaskLacksIsNoFigure() throws {
        var plan = try Self.plan("base", "heads", "heads/donor/logit_difference")
        expectError(containing: "claims[0].figure: found \"donor\"") { try plan.checkFigures() }
        plan = try Self.plan("base", "heads", "heads/attention/heads/end_to_io/1.0")
        try plan.checkFigures()
        plan.prompts.dataset = "greater-than"
        expectError(containing: "found \"attention\" in") { try plan.checkFigures() }
        plan = try Self.plan("base", "direct", "direct/effect/1.0/2")
        expectError(containing: "expected nothing after the head 1.0") { try plan.checkFigures() }
        plan = try Self.plan("base", "direct", "direct/gap")
        expectError(containing: "found \"gap\"") { try plan.checkFigures() }
        plan.scale = .gap
        try plan.checkFigures()
    }

    private static func plan(_ model: String, _ measure: String, _ figure: String) throws -> Plan {
        try ReproductionTests.plan {
            $0.stages[0].measure = [Plan.Measure(measure)!]
            $0.claims = [
                Claim(name: "c", text: "t", figure: FigurePath("\(model)/\(figure)")!, rule: .init(atLeast: 0))
            ]
        }
    }

    /// So are the names that prompts bring.
    @Test func splitsAndPositionsAreThoseOfThePrompts() throws {
        let model = try ReproductionTests.model().load()
        for (dataset, measure, figure, message) in [
            ("clean", "eval", "by_order/ABBA/logit_difference", nil),
            ("clean", "eval", "by_order/ABAB/logit_difference", "found \"ABAB\" in"),
            ("clean", "eval", "by_template/no such template/accuracy", "found \"no such template\" in"),
            ("agreement", "heads", "position_attention/SUBJECT/1.0", nil),
            ("agreement", "heads", "position_attention/SUBJETC/1.0", "did you mean \"SUBJECT\"?"),
        ] {
            var source = PromptSource(count: 20)
            source.dataset = dataset
            let prompts = try source.data(for: model).prompts
            var plan = try Self.plan("base", measure, "\(measure)/\(figure)")
            plan.prompts.dataset = dataset
            try plan.checkFigures()
            // Prompts that are not made are not known.
            try plan.checkEntries(nil, layers: 2)
            guard let message else {
                try plan.checkEntries(nil, layers: 2) { _, _ in prompts }
                continue
            }
            expectError(containing: "plan tiny: claims[0].figure: ", message) {
                try plan.checkEntries(nil, layers: 2) { _, _ in prompts }
            }
        }
    }

    /// The names of a circuit's classes are known before anything is trained.
    @Test func entriesAreThoseOfTheCircuit() throws {
        let circuit = try Circuit(
            model: "m", classes: [HeadClass(name: "name mover", heads: [Head(1, 0)], position: .one(.end))])
        for (figure, message) in [
            ("outputs/donor-to-host/sets/name mover/recovered", nil), ("outputs/donor-to-host/sets/0/recovered", nil),
            ("outputs/donor-to-host/sets/outside/effect", nil), ("mlps/each/MLP 1/effect", nil),
            (
                "outputs/donor-to-host/sets/nane mover/effect",
                "expected one of circuit, name mover, outside; did you mean"
            ),
            ("mlps/each/MLP 2/effect", "found \"MLP 2\""), ("mlps/each/1/effect", nil),
            ("mlps/each/2/effect", "found \"2\""), ("outputs/donor-to-host/sets/3/effect", "found \"3\""),
        ] {
            var plan = try ReproductionTests.plan()
            plan.claims = [
                Claim(name: "c", text: "t", figure: FigurePath("clean@1/\(figure)")!, rule: .init(atLeast: 0))
            ]
            try plan.checkFigures()
            guard let message else {
                try plan.checkEntries(circuit, layers: 2)
                continue
            }
            expectError(containing: "plan tiny: claims[0].figure: ", message) {
                try plan.checkEntries(circuit, layers: 2)
            }
        }
    }
}
