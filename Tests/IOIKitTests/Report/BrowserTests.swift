import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The report in a real browser, where there is one.
@Suite struct BrowserTests {
    static let browser: URL? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return ["chromium", "chromium-browser", "google-chrome"].lazy.flatMap { name in
            folders.map { URL(fileURLWithPath: "\($0)/\(name)") }
        }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    /// What the page says of itself once it is laid out.
    struct Layout: Decodable {
        let scrollWidth, width, charts, empty, errors: Int
        let requests: [String]
    }

    /// Appended to a copy of the page. Figures scroll within themselves; the page must not.
    static let probe = """
        <script>
        addEventListener('load', () => {
          const charts = [...document.querySelectorAll('svg.ioi-chart')];
          document.title = JSON.stringify({
            scrollWidth: document.documentElement.scrollWidth, width: innerWidth, charts: charts.length,
            empty: charts.filter(c => c.getBoundingClientRect().width < 100).length, errors: window.failures || 0,
            requests: performance.getEntriesByType('resource').map(e => e.name)
          });
        });
        </script>
        """

    static func open(_ html: String, width: Int) async throws -> (layout: Layout, log: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let page = folder.appendingPathComponent("report.html")
        let counter =
            "<script>addEventListener('error', () => window.failures = (window.failures || 0) + 1, true)</script>"
        let probed = html.replacing("<head>", with: "<head>\(counter)").replacing("</body>", with: "\(probe)</body>")
        try Data(probed.utf8).write(to: page)
        let outcome = try await Program.run(
            browser!,
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--enable-logging=stderr", "--window-size=\(width),900", "--user-data-dir=\(folder.path)/profile",
                "--dump-dom", page.absoluteString,
            ], in: folder, environment: [:]
        )
        let title = try #require(outcome.output.firstMatch(of: /<title>(.*?)<\/title>/)).output.1
        return (try JSONDecoder().decode(Layout.self, from: Data(title.utf8)), outcome.errors)
    }

    enum Kind: CaseIterable {
        case reproduction, finetuning

        var folder: URL {
            switch self {
            case .reproduction: ReproductionReportTests.finished.folder
            case .finetuning: RunReportTests.finished.folder
            }
        }
    }

    @Test(
        .enabled(if: browser != nil, "there is no Chromium on this machine"), arguments: Kind.allCases, [390, 1400]
    )
    func thePageFitsAndIsQuiet(_ kind: Kind, _ width: Int) async throws {
        let report = try RunFolder(kind.folder).report()
        let (layout, log) = try await Self.open(report.html, width: width)
        #expect(layout.scrollWidth <= layout.width, "the page is \(layout.scrollWidth) wide")
        #expect(layout.charts == report.charts.count && layout.empty == 0)
        #expect(layout.requests.isEmpty && layout.errors == 0)
        let console = log.split(separator: "\n").filter { $0.contains("CONSOLE") }
        #expect(console.isEmpty, "\(console)")
    }
}
