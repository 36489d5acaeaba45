import Foundation
import TestSupport
import Testing

/// The browser finds what the other tests rely on it to find.
@Suite(.enabled(if: Browser.executable != nil, "no browser is installed"))
struct BrowserTests {
    static let faulty = """
        <!doctype html><title>faulty</title>
        <style>@media (prefers-color-scheme: dark) { .wide { width: 3000px; height: 1px } }</style>
        <p>fine, <a href="#x">a stop</a></p>
        <div style="position: relative; height: 2em"><span style="position: absolute; left: 5px">one text</span>
          <span style="position: absolute; left: 20px">another</span></div>
        <svg width="200" height="50"><rect class="box" width="90" height="20" fill="#fff"/>
          <text x="2" y="15" fill="#eee">longer than its own box</text><text x="180" y="40">beyond</text></svg>
        <p style="width: 30px; overflow: hidden; white-space: nowrap">cut away</p>
        <table><tr><td style="max-width: 20px; white-space: nowrap">a long cell</table>
        <details><summary>another stop</summary><p style="margin-top: -30px">not to be seen</p></details>
        <div class="wide"></div><script>missing()</script>
        """

    @Test func itFindsFaults() async throws {
        try await withPage(Self.faulty) { file in
            let found = try await Browser.inspect(file, width: 390, dark: false)
            #expect(found.overlaps.count == 1 && found.overlaps[0].contains("“one text” and “another”"))
            let outside = ["longer than its own box” beyond its box", "beyond its picture", "cut off", "beyond its td"]
            #expect(found.outside.count == 4)
            for words in outside { #expect(found.outside.contains { $0.contains(words) }, "\(words)") }
            #expect(found.faint.count == 1 && found.overflow == 0 && found.tabStops == 2)
            #expect(found.consoleErrors.count == 1 && found.consoleErrors[0].contains("missing is not defined"))
            #expect(found.faults.count == 7)
            #expect(try await Browser.inspect(file, width: 390, dark: true).overflow > 2000)
        }
    }

    @Test func itPrintsPages() async throws {
        let three = String(repeating: "<p style=\"break-after: page\">a page</p>", count: 3)
        let page = "<!doctype html>\(three)the last"
        try await withPage(page) { file in
            let pdf = try await Browser.pdf(file)
            #expect(pdf.pages == 4 && pdf.data.starts(with: Data("%PDF".utf8)))
            #expect(try await Browser.inspect(file, width: 1400, dark: true).faults == [])
        }
    }

    private func withPage(_ html: String, _ body: (URL) async throws -> Void) async throws {
        let folder = try ModelTestFolder()
        try await body(folder.put("page.html", html))
    }
}
