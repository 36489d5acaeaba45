import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The report in a real browser, where there is one.
@Suite(.enabled(if: Browser.executable != nil, "no browser is installed"))
struct ReportBrowserTests {
    enum Kind: CaseIterable {
        case reproduction, finetuning

        var folder: URL {
            switch self {
            case .reproduction: ReproductionReportTests.finished.folder
            case .finetuning: RunReportTests.finished.folder
            }
        }
    }

    @Test(arguments: Kind.allCases, [390, 1400])
    func thePageFitsAndIsQuiet(_ kind: Kind, _ width: Int) async throws {
        let report = try RunFolder(kind.folder).report()
        let folder = try ModelTestFolder()
        let found = try await Browser.inspect(folder.put("report.html", report.html), width: width, dark: false)
        #expect(found.overflow == 0 && found.consoleErrors == [] && found.requests == [])
        #expect(found.pictures == report.charts.count)
    }
}
