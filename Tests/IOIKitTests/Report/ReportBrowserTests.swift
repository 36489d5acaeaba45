import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The report in a real browser, where there is one.
@Suite(.enabled(if: Browser.executable != nil, "no browser is installed"))
struct ReportBrowserTests {
    enum Kind: CaseIterable {
        case reproduction, finetuning, results, wide, wideResults

        var report: any Report {
            get throws {
                switch self {
                case .reproduction: try ReportSource(ReproductionReportTests.finished.folder).report()
                case .finetuning: try ReportSource(RunReportTests.finished.folder).report()
                case .results:
                    try ReportSource(
                        RunReportTests.finished.folder.appendingPathComponent("results/eval-epoch-001.json")
                    ).report()
                case .wide: try ReportSource(WideRun.folder).report()
                case .wideResults: try ReportSource(WideRun.sweep).report()
                }
            }
        }
    }

    /// Pages of models of 48 × 25 heads stay small, whatever the maps hold.
    @Test func largeMapsMakeNoLargePages() throws {
        let page = try Kind.wide.report
        #expect(page.problems == [])
        // Two models with maps of heads, two with sweeps.
        #expect(page.html.matches(of: /<title>47\.24:/).count >= 2)
        #expect(page.html.utf8.count < 2_500_000)
    }

    @Test(arguments: [390, 1400], [false, true])
    func pagesFitAndAreQuiet(_ width: Int, _ dark: Bool) async throws {
        let folder = try ModelTestFolder()
        let files = try Kind.allCases.map { try folder.put("\($0).html", $0.report.html) }
        for (kind, found) in zip(Kind.allCases, try await Browser.inspect(files, width: width, dark: dark)) {
            #expect(found.faults == [], "\(kind)")
            #expect(found.requests == [] && found.tabStops < 200, "\(kind)")
        }
    }

    @Test(arguments: Kind.allCases) func aPageIsAFewPagesOfPaper(_ kind: Kind) async throws {
        let folder = try ModelTestFolder()
        let pages = try await Browser.pdf(folder.put("report.html", kind.report.html)).pages
        #expect((1...15).contains(pages))
    }

    /// A page of one's own, such as that of a long plan.
    @Test(.enabled(if: page != nil, "IOI_PAGE names no page"), arguments: [390, 1400], [false, true])
    func aGivenPageFits(_ width: Int, _ dark: Bool) async throws {
        let found = try await Browser.inspect(Self.page!, width: width, dark: dark)
        #expect(found.faults == [])
        print("width \(width): \(found.height) pixels, \(found.tabStops) tab stops")
    }

    static let page = ProcessInfo.processInfo.environment["IOI_PAGE"].map { URL(fileURLWithPath: $0) }
}
