import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct JUnitReportTests {
    static func results(file: String, notes: [String] = []) throws -> VerificationResults {
        var comparison = FigureComparison(tolerance: .init(absolute: 0.1, relative: 0))
        comparison.compare(
            try FigureComparisonTests.value(#"{"map": [[1, 2], [3, 4]], "mean": 1.5, "word": "a"}"#),
            try FigureComparisonTests.value(#"{"map": [[1, 5], [3, 6]], "mean": 1.5, "word": "<&\">\u0007\n]]>"}"#),
            at: "results"
        )
        return VerificationResults([
            .init(file: file, command: "eval", groups: comparison.groups, notes: notes, seconds: 1.25)
        ])
    }

    @Test func aFileIsASuiteAndAGroupATest() throws {
        let results = try Self.results(file: "a.json", notes: ["threads: found 2, recorded 1"])
        let report = try XMLReader(JUnitReport(results).xml)
        for name in ["testsuites", "testsuite"] {
            let counts = report.all(name)[0]
            #expect(counts["tests"] == "3" && counts["failures"] == "2" && counts["errors"] == "0")
            #expect(counts["time"] == "1.250")
        }
        #expect(report.all("testsuite").map { $0["name"] } == ["a.json"])
        #expect(report.all("testcase").map { $0["name"] } == ["results.map", "results.mean", "results.word"])
        #expect(report.all("testcase").allSatisfy { $0["classname"] == "eval" })
        #expect(report.all("failure")[0]["message"] == "2 of 4 figures moved")
        let text = try #require(report.elements.first { $0.name == "failure" }?.text)
        #expect(
            text == "results.map[0][1]: recorded 2, found 5, difference 3, tolerance 0.1\n"
                + "results.map[1][1]: recorded 4, found 6, difference 2, tolerance 0.1"
        )
        #expect(report.elements.last?.text == "threads: found 2, recorded 1")
    }

    @Test func whateverIsInAFileIsSoundXML() throws {
        let name = "<a> & \"b\" 'c'\t\u{1}\u{FFFE}ü.json"
        let report = try XMLReader(JUnitReport(Self.results(file: name)).xml)
        #expect(report.all("testsuite")[0]["name"] == "<a> & \"b\" 'c'\t\u{FFFD}\u{FFFD}ü.json")
        let message = try #require(report.all("failure").last?["message"])
        #expect(message.hasPrefix("results.word: recorded \"a\", found \"<&\\\">") && message.hasSuffix("]]>\""))
    }
}
