import Foundation
import GPT2Kit

/// A browser without a window, which lays out a page or a picture and tells what is wrong with it.
package enum Browser {
    /// What was found in a page.
    package struct Findings: Decodable, Sendable {
        /// Pairs of texts that cover each other.
        package let overlaps: [String]
        /// Texts beyond the edge of their picture, box, cell or page.
        package let outside: [String]
        /// Texts of pictures with less contrast to what is behind them than WCAG 2 asks for (4.5).
        package let faint: [String]
        /// By how many pixels the page is wider than the window.
        package let overflow: Double
        /// The number of places at which the tab key stops.
        package let tabStops: Int
        /// The height of the page, in pixels.
        package let height: Double
        /// What the page loaded besides itself.
        package let requests: [String]
        /// The number of pictures in the page, or 1 if it is one.
        package let pictures: Int
        /// What scripts and the browser said on the console. It is the same for all files opened together.
        package internal(set) var consoleErrors: [String] = []

        private enum CodingKeys: CodingKey {
            case overlaps, outside, faint, overflow, tabStops, height, requests, pictures
        }

        /// All that is wrong, a line each; empty if nothing is.
        package var faults: [String] {
            overlaps.map { "overlap: \($0)" } + outside.map { "outside: \($0)" } + faint.map { "faint: \($0)" }
                + (overflow > 0 ? ["wider than the window by \(overflow)"] : [])
                + consoleErrors.map { "console: \($0)" }
        }
    }

    /// nil if there is none; `IOI_BROWSER` may name another.
    package static let executable: URL? = {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["IOI_BROWSER"] { return URL(fileURLWithPath: path) }
        let folders = (environment["PATH"] ?? "").split(separator: ":").map { URL(fileURLWithPath: String($0)) }
        return ["chromium", "chromium-browser", "google-chrome", "chrome"].lazy.flatMap { name in
            folders.map { $0.appendingPathComponent(name) }
        }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    /// Opens a page or an SVG picture.
    ///
    /// - Parameters:
    ///   - width: of the window, in pixels.
    ///   - dark: whether the reader prefers dark pages.
    package static func inspect(_ file: URL, width: Int, dark: Bool) async throws -> Findings {
        try await inspect([file], width: width, dark: dark)[0]
    }

    /// Opens several files, each in a window of its own, which takes hardly longer than one.
    package static func inspect(_ files: [URL], width: Int, dark: Bool) async throws -> [Findings] {
        try await withFolder { folder in
            let frames = files.map {
                "<iframe width=\(width) height=900 style=\"border: 0\" src=\"\($0.absoluteURL.absoluteString)\"></iframe>"
            }
            let page = folder.appendingPathComponent("windows.html")
            let script = try String(
                contentsOf: Fixtures.repository.appendingPathComponent("Tests/Support/inspect.js"), encoding: .utf8)
            try "<!doctype html><body>\(frames.joined())<pre id=findings></pre><script>\(script)</script></body>"
                .write(to: page, atomically: true, encoding: .utf8)
            let outcome = try await run(
                [
                    "--blink-settings=preferredColorScheme=\(dark ? 0 : 1)", "--allow-file-access-from-files",
                    "--window-size=1600,1000", "--enable-logging=stderr", "--dump-dom", page.absoluteString,
                ], in: folder)
            guard let found = outcome.output.firstMatch(of: /<pre id="findings">(.*?)<\/pre>/.dotMatchesNewlines()),
                let json = Data(base64Encoded: String(found.output.1))
            else { throw IOIError("\(files[0].path): found no answer of the browser: \(outcome.errors.suffix(500))") }
            let errors = outcome.errors.split(separator: "\n").filter { $0.contains("CONSOLE") }.map(String.init)
            return try JSONDecoder().decode([Findings].self, from: json).map {
                var findings = $0
                findings.consoleErrors = errors
                return findings
            }
        }
    }

    /// What the browser prints of a page.
    package static func pdf(_ file: URL) async throws -> (data: Data, pages: Int) {
        try await withFolder { folder in
            let target = folder.appendingPathComponent("page.pdf")
            let outcome = try await run(
                ["--no-pdf-header-footer", "--print-to-pdf=\(target.path)", file.absoluteURL.absoluteString], in: folder
            )
            guard let data = try? Data(contentsOf: target) else {
                throw IOIError("\(file.path): found no PDF: \(outcome.errors.suffix(500))")
            }
            return (data, String(decoding: data, as: Unicode.ASCII.self).matches(of: /\/Type ?\/Page\b(?!s)/).count)
        }
    }

    private static func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-browser-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    private static func run(_ arguments: [String], in folder: URL) async throws -> Program.Outcome {
        guard let executable else { throw IOIError("found no browser, expected chromium") }
        let common = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--hide-scrollbars", "--force-device-scale-factor=1", "--user-data-dir=\(folder.path)/profile",
        ]
        // A browser that hangs ends too.
        return try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["timeout", "60", executable.path] + common + arguments, in: folder,
            environment: [:])
    }
}
