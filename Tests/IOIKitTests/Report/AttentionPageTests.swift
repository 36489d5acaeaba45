import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The chart and the page of attention, by their contents and in a real browser, where there is one.
@Suite struct AttentionPageTests {
    private static func patterns(donor: Bool, mean: Bool = false, text: String? = nil) throws -> AttentionPatterns {
        let model = try TemporaryModel.shared.load()
        let heads = [Head(0, 1), Head(1, 3)]
        var experiment =
            text.map { AttentionExperiment(TextInput($0), heads: heads) }
            ?? AttentionExperiment(prompts: PromptSource(count: mean ? 8 : 1), heads: heads)
        experiment.mean = mean
        let other = try donor ? TemporaryModel(seed: 9) : nil
        let subject = try Subject(of: experiment, model, donor: other?.load())
        return try experiment.run(on: subject, Work(RunSettings(workers: Workers(count: 2)))).patterns
    }

    @Test func theChartHasEveryFigure() throws {
        let patterns = try Self.patterns(donor: true)
        let chart = PanelChart(patterns, title: "A < B", subtitle: "s")
        let reader = try XMLReader(Data(chart.svg.utf8))
        let titles = Set(reader.elements.filter { $0.name == "title" }.map(\.text))
        for (map, kinds) in patterns.heads.map({ ($0, [$0.model, $0.donor!]) }) {
            #expect(map.model != map.donor)
            for matrix in kinds {
                for (query, row) in matrix.value.enumerated() {
                    for (key, value) in row.enumerated() {
                        guard let value, value >= 0.004 else { continue }
                        let words = "\(patterns.queries[query]) → \(patterns.keys[key]): \(value.fixed(3))"
                        #expect(titles.contains(words), "\(words)")
                    }
                }
            }
        }
        let texts = reader.elements.filter { $0.name == "text" }.map(\.text)
        for label in ["A < B", "from (query)", "to (key)", "0.1, model", "1.3, donor", "0.1, donor − model"] {
            #expect(texts.contains(label), "\(label)")
        }
        #expect(texts.count { $0 == "attention" } == 1)
        #expect(texts.count { $0 == "change of attention, donor − model" } == 1)
    }

    /// Hundreds of tokens would make hundreds of thousands of elements.
    @Test func manySmallCellsAreFewShapes() throws {
        let names = (0..<100).map { " t\($0)" }
        let values = (0..<100).map { row in (0..<100).map { $0 > row ? nil : Double(row - $0) / 50 - 1 } }
        let chart = PanelChart(
            title: "T", rows: names, columns: names, rowLabel: "from", columnLabel: "to",
            bands: [.init([.init(title: "m", values: values)], scale: .init(limit: 1, isDiverging: true, label: "l"))])
        let paths = try XMLReader(Data(chart.svg.utf8)).all("path")
        #expect(paths.count <= 128 && Set(paths.compactMap { $0["class"] }) == ["above", "below"])
        let cells = paths.compactMap { $0["d"] }.joined().count { $0 == "M" }
        // Those that round to no colour are left out: the values 0, one in each of 50 rows.
        #expect(cells == 5050 - 50)
    }

    /// Tokens come from the user, and may look like the end of a script.
    @Test func nothingOfATextIsObeyed() throws {
        let patterns = try Self.patterns(donor: false, text: "</script><b> & Mary")
        let html = AttentionPage(title: "T", lead: ["<i>"], patterns: patterns).html
        #expect(html.components(separatedBy: "</script>").count == 3 && !html.contains("<b>") && !html.contains("<i>"))
        let data = try #require(html.firstMatch(of: /<script type="application\/json" id="data">(.*?)<\/script>/))
            .output.1
        struct Contents: Decodable {
            struct Named: Decodable {
                struct Variant: Decodable { let value: [[Double]] }
                let head: String
                let variants: [Variant]
            }
            let queries: [String]
            let heads: [Named]
        }
        let read = try JSONDecoder().decode(Contents.self, from: Data(data.utf8))
        #expect(read.queries == patterns.queries && read.queries.joined() == "</script><b> & Mary")
        for (map, named) in zip(patterns.heads, read.heads) {
            let expected = map.model.value.map { $0.compactMap { $0 } }
            #expect(named.variants[0].value.map(\.count) == expected.map(\.count))
            #expect(largestDifference(named.variants[0].value.joined(), expected.joined()) <= 0.5e-4 + 1e-12)
        }
    }

    /// Fails, as an error of the page, if keys do not move the choice, if more than one token can be reached with Tab, or
    /// if texts of a chart overlap.
    private static let probe = """
        <script>
        addEventListener('load', () => {
          const options = [...document.querySelectorAll('#tokens [role=option]')];
          const chosen = () => options.findIndex(o => o.getAttribute('aria-selected') === 'true');
          const press = key => document.getElementById('tokens')
            .dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
          const check = (holds, what) => { if (!holds) throw new Error(what); };
          check(chosen() === options.length - 1, 'the last token is not chosen first');
          press('Home'); check(chosen() === 0, 'Home');
          press('ArrowRight'); check(chosen() === 1, 'ArrowRight');
          press('ArrowLeft'); press('ArrowLeft'); check(chosen() === 0, 'ArrowLeft stops');
          press('End'); check(chosen() === options.length - 1, 'End');
          check(document.querySelectorAll('[tabindex="0"]').length === 1, 'tab stops');
          options[2].dispatchEvent(new PointerEvent('pointerenter')); check(chosen() === 2, 'pointer');
          check(document.getElementById('said').textContent.includes('attends most'), 'said');
          for (const svg of document.querySelectorAll('svg.ioi-chart')) {
            const whole = svg.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
            boxes.forEach(([text, a], i) => {
              check(a.left >= whole.left - 1 && a.right <= whole.right + 1 && a.bottom <= whole.bottom + 1, 'out: ' + text);
              boxes.slice(i + 1).forEach(([other, b]) => check(
                Math.min(a.right, b.right) - Math.max(a.left, b.left) < 1
                  || Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) < 4, text + ' on ' + other));
            });
          }
        });
        </script>
        """

    @Test(.enabled(if: Browser.executable != nil, "no browser is installed"), arguments: [false, true], [390, 1400])
    func thePageIsUsedByKeysAndPointer(_ hasDonor: Bool, _ width: Int) async throws {
        let patterns = try Self.patterns(donor: hasDonor)
        let html = AttentionPage(title: "Attention", lead: ["model m"], patterns: patterns).html
        let folder = try ModelTestFolder()
        let files = [
            try folder.put("probed.html", html.replacing("</body>", with: "\(Self.probe)</body>")),
            try folder.put("page.html", html),
        ]
        for dark in [false, true] {
            let found = try await Browser.inspect(files, width: width, dark: dark)
            #expect(found[0].consoleErrors == [])
            #expect(found[1].faults == [])
            #expect(found[1].pictures == 2 && found[1].requests == [])
        }
        #expect(try await Browser.pdf(files[1]).pages >= 1)
    }
}
