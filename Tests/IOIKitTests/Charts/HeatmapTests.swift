import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct HeatmapTests {
    private func heads(_ values: [[Double?]]) -> Heatmap { Heatmap(title: "Title", columns: .heads, values: values) }

    /// Twelve layers of so many heads, all of one value.
    private func filled(_ heads: Int, _ value: Double) -> Heatmap {
        self.heads(Array(repeating: Array(repeating: value, count: heads), count: 12))
    }

    private func withoutColours(_ text: String) -> String {
        text.replacingOccurrences(of: "\u{1B}\\[[0-9;]*m", with: "", options: .regularExpression)
    }

    @Test func numbersAreAlignedUnderTheirHeads() {
        let map = heads([[1.25, -12.34, 0.04], [nil, .nan, -0.04]])
        #expect(
            map.text(width: 80, isColoured: false) == """
                Title
                layer      0       1       2
                   0     1.2   -12.3     0.0
                   1       ·       ·     0.0
                · not defined
                """
        )
    }

    @Test func positionsHaveNamesAndMLPsHaveNone() {
        let positions = Heatmap(title: "P", columns: .named(["IO", "S1+1"]), values: [[1, 2], [3]])
        #expect(
            positions.text(width: 80, isColoured: false)
                == "P\nlayer    IO   S1+1\n   0    1.0    2.0\n   1    3.0      ·\n· not defined"
        )
        let layers = Heatmap(title: "M", columns: .single, values: [[-100], [5]])
        #expect(layers.text(width: 80, isColoured: false) == "M\n   0   -100.0\n   1      5.0")
    }

    @Test func smallMapsHaveMoreDecimalsAndLargeOnesNone() {
        for (value, text) in [
            (1234.5, "1234"), (-1.0, "-1.0"), (0.5, "0.50"), (0.05, "0.050"), (0.0001, "0.000"), (-0.0001, "0.000"),
        ] {
            let line = heads([[value]]).text(width: 80, isColoured: false).split(separator: "\n").last
            #expect(line?.split(separator: " ").last.map(String.init) == text)
        }
    }

    @Test(arguments: [true, false])
    func linesFitTheWidth(_ isColoured: Bool) {
        func lines(_ map: Heatmap, _ width: Int) -> [String] {
            withoutColours(map.text(width: width, isColoured: isColoured)).components(separatedBy: "\n")
                .dropLast(isColoured ? 1 : 0)
        }
        // GPT-2 small keeps its decimals in 100 characters whatever the values are.
        #expect(lines(filled(12, -123.4), 100).contains { $0.contains("-123.4 -123.4") })
        for (count, width) in [(12, 100), (12, 80), (16, 100), (16, 80), (20, 80), (25, 100), (25, 40), (12, 20)] {
            let lines = lines(filled(count, -123.4), width)
            #expect(lines.dropFirst().allSatisfy { $0.count <= width }, "\(count) columns in \(width)")
            let columns = lines.filter { $0.hasPrefix("layer") }.flatMap { $0.split(separator: " ").dropFirst() }
            #expect(columns.map(String.init) == (0..<count).map(String.init))
            let cells = lines.dropFirst().filter { !$0.hasPrefix("layer") }
                .flatMap { $0.split(separator: " ").dropFirst() }
            #expect(cells.count == 12 * count)
            #expect(Set(cells).count == 1)
        }
    }

    @Test func decimalsGoFirstAndThenColumnsWrapEvenly() {
        let narrow = heads([[-10.6, 20, 3, 4], [5, 6, 7, 8]])
        #expect(narrow.text(width: 29, isColoured: false).contains("\n   0  -10.6  20.0   3.0   4.0\n"))
        #expect(
            narrow.text(width: 28, isColoured: false)
                == "Title\nlayer   0   1   2   3\n   0  -11  20   3   4\n   1    5   6   7   8"
        )
        // Three columns would fit, but then one would be left.
        #expect(
            narrow.text(width: 20, isColoured: false) == """
                Title
                layer   0   1
                   0  -11  20
                   1    5   6

                layer   2   3
                   0    3   4
                   1    7   8
                """
        )
    }

    /// Of GPT-2 XL, with few strong heads.
    static func wide(_ strongest: Double, layers: Int = 48, heads: Int = 25) -> [[Double?]] {
        (0..<layers).map { layer in
            (0..<heads).map { head in
                let share = Double((layer * 31 + head * 17) % 101) / 100
                return (head % 2 == 0 ? 1 : -1) * strongest * pow(share, 6)
            }
        }
    }

    /// A map that would be more than a screen stays in one block where it can, and its figures are those of the values.
    @Test(arguments: [0.05, 0.7, 3, 9.7, 19.6, 99.7, 208.9, 5000], [80, 100, 120, 160])
    func largeMapsKeepTheirShape(_ strongest: Double, _ width: Int) throws {
        let values = Self.wide(strongest)
        let lines = heads(values).text(width: width, isColoured: false).components(separatedBy: "\n")
        #expect(lines.allSatisfy { $0.count <= width })
        // Their columns again below.
        #expect(lines.count { $0.hasPrefix("layer") } == 2 && lines[1] == lines[50])
        let note = lines.last ?? ""
        let unit = try note.firstMatch(of: /units of ([0-9.]+) %/).map { try #require(Double($0.output.1)) }
        // Figures that fit have all their decimals.
        let isFull = !note.contains("below")
        let decimals = heads(values).decimals
        for (layer, line) in lines[2...49].enumerated() {
            let cells = line.split(separator: " ").map(String.init)
            #expect(cells.count == 26 && cells[0] == "\(layer)")
            for (head, cell) in cells.dropFirst().enumerated() {
                let value = try #require(values[layer][head])
                let shown = cell == "." ? 0 : try #require(Double(cell))
                let size = isFull ? 1 : unit ?? 1
                let error = abs(shown * size - value)
                let allowed = (isFull ? pow(10, -Double(decimals)) : size) / 2 * 1.001
                #expect(error <= allowed, "\(layer).\(head): \(cell)")
            }
        }
        // The strongest has a figure that tells it from others.
        let cells = lines[2...49].flatMap { $0.split(separator: " ").dropFirst() }
        let most = try #require(cells.compactMap { Double($0) }.map(abs).max())
        #expect(isFull || most >= 4)
        let half = ((unit ?? 1) / 2).fixed(7).replacing(/\.?0+$/, with: "")
        #expect(isFull || note.contains(". below \(half) %"), "\(note)")
    }

    /// GPT-2 small's map is as it was where its figures fit, and stays in two blocks where they do not.
    @Test func smallMapsDoNotLoseDigits() {
        let values = Self.wide(123, layers: 12, heads: 12)
        let narrow = heads(values).text(width: 40, isColoured: false)
        #expect(narrow.components(separatedBy: "\n").count { $0.hasPrefix("layer") } == 2 && !narrow.contains("units"))
        #expect(!heads(values).isLarge && heads(Self.wide(1)).isLarge)
    }

    @Test func unitsAreThoseOfTheFigures() {
        let nats = Heatmap(title: "T", columns: .heads, values: [[1.5, -2]], unit: " nats")
        #expect(nats.text(width: 80, isColoured: true).hasSuffix("+2.0 nats"))
        #expect(nats.strongest(1) == ["0.1  -2.0 nats"])
    }

    @Test func coloursRunFromBlueToRed() throws {
        let text = heads([[-10, 0, 10, nil]]).text(width: 80, isColoured: true)
        #expect(
            text.components(separatedBy: "\n")[2] == "   0 \u{1B}[38;5;231;48;5;18m  -10.0 "
                + "\u{1B}[38;5;16;48;5;231m    0.0 \u{1B}[38;5;231;48;5;88m   10.0 "
                + "\u{1B}[0m      · \u{1B}[0m"
        )
        let legend = try #require(text.components(separatedBy: "\n").last)
        #expect(withoutColours(legend) == "-10.0 \(String(repeating: " ", count: 30)) +10.0 %   · not defined")
        #expect(!heads([[-10, 0, 10]]).text(width: 80, isColoured: false).contains("\u{1B}"))
    }

    @Test func roundingIsNotDrawnAsAnEffect() {
        let cells = heads([[1e-5, -1e-5]]).text(width: 80, isColoured: true).components(separatedBy: "\n")[2]
        #expect(cells.components(separatedBy: "48;5;231m").count == 3)
    }

    @Test func numbersAreLegibleOnEachColour() {
        let backgrounds = DivergingColours.backgrounds
        for background in backgrounds {
            let pair = [background, DivergingColours.foreground(on: background)].map(DivergingColours.luminance)
            // The contrast that WCAG 2 asks of text.
            #expect((pair.max()! + 0.05) / (pair.min()! + 0.05) > 4.5, "\(background)")
        }
        let luminances = backgrounds.map(DivergingColours.luminance)
        #expect(Array(luminances.prefix(8)) == luminances.prefix(8).sorted())
        #expect(Array(luminances.suffix(8)) == luminances.suffix(8).sorted(by: >))
        let shares = (0..<15).map { Double($0 - 7) / 7 }
        #expect(shares.map(DivergingColours.background) == backgrounds)
    }

    @Test func strongestCellsComeWithTheirIntervals() {
        let map = heads([[1, nil, -20.04], [3, 20.04, 0]])
        let intervals: [[ClosedRange<Double>?]] = [[0.5...1.5, nil, -22 ... -18.04], [nil, 18...22.04, -0.01...0.01]]
        #expect(
            map.strongest(3, ci95: intervals) == [
                "0.2  -20.0 %  [-22.0, -18.0]", "1.1  +20.0 %  [18.0, 22.0]", "1.0   +3.0 %",
            ]
        )
        #expect(map.strongest(9, ci95: intervals).count == 5)
        #expect(map.strongest(9, ci95: intervals).last == "1.2    0.0 %  [0.0, 0.0]")
        #expect(map.strongest(1) == ["0.2  -20.0 %"])
        #expect(map.strongest(0).isEmpty)
        #expect(heads([[nil]]).strongest(2).isEmpty)
        let positions = Heatmap(title: "", columns: .named(["IO", "END"]), values: [[1, 2]])
        #expect(positions.strongest(2) == ["0@END  +2.0 %", "0@IO   +1.0 %"])
        #expect(Heatmap(title: "", columns: .single, values: [[1], [-2]]).strongest(1) == ["layer 1  -2.0 %"])
    }

    @Test func anEmptyMapIsItsTitle() {
        #expect(heads([]).text(width: 80, isColoured: false) == "Title\nlayer")
    }
}
