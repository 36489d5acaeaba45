import Foundation

/// A map of layers and positions whose cells show a token each: the deeper the colour, the more probable. Pointing at a
/// cell, or reaching it with the keyboard, shows it in full.
public struct TokenMapChart: Chart {
    /// A token and how probable it is.
    public struct Cell: Equatable, Sendable {
        /// What it stands for.
        public let token: String
        /// From 0 to 1.
        public let probability: Double

        /// - Parameters:
        ///   - token: what it stands for.
        ///   - probability: from 0 to 1.
        public init(token: String, probability: Double) {
            (self.token, self.probability) = (token, probability)
        }
    }

    /// The line above the map.
    public let title: String
    /// The names of the rows, from the top.
    public let rows: [String]
    /// The text's own tokens.
    public let columns: [String]
    /// [rows][columns]
    public let cells: [[Cell]]

    /// - Parameters:
    ///   - title: the title of the chart.
    ///   - rows: the names of the rows, from the top.
    ///   - columns: the text's own tokens.
    ///   - cells: what is expected after each of them. [rows][columns]
    public init(title: String, rows: [String], columns: [String], cells: [[Cell]]) {
        (self.title, self.rows, self.columns, self.cells) = (title, rows, columns, cells)
    }

    private static let cell = (width: 66.0, height: 24.0)
    private static let (left, edge) = (96.0, 16.0)
    /// The most columns side by side; further ones follow below.
    private static let columnsAtMost = 16
    /// The most characters of a token in a cell.
    private static let longest = 8

    public var svg: String {
        let (cell, left, edge) = (Self.cell, Self.left, Self.edge)
        let blocks = (columns.count + Self.columnsAtMost - 1) / Self.columnsAtMost
        let share = (columns.count + max(blocks, 1) - 1) / max(blocks, 1)
        let width = max(left + Double(share) * cell.width + edge, left + 300, 2 * edge + SVG.width(title, size: 13))
        var body = [SVG.label(title, edge, 24, "heading")]
        let height = Double(rows.count) * cell.height
        let bottom = 40 + Double(blocks) * (height + 66)
        var y = 40.0
        for start in stride(from: 0, to: columns.count, by: max(share, 1)) {
            let block = start..<min(start + share, columns.count)
            let middle = left + Double(block.count) * cell.width / 2
            body.append(SVG.label("position", middle, y + 12, "tick"))
            body.append(SVG.label("layer", left - 10, y + 42, "end"))
            for (place, column) in block.enumerated() {
                let x = left + (Double(place) + 0.5) * cell.width
                body.append(SVG.label("\(column)", x, y + 28, "tick"))
                body.append(SVG.label(columns[column].shownToken(Self.longest), x, y + 42, "middle"))
            }
            y += 48
            for (row, name) in rows.enumerated() {
                let top = y + Double(row) * cell.height
                body.append(SVG.label(name, left - 10, top + cell.height * 0.68, "end"))
                for (place, column) in block.enumerated() {
                    body.append(mark(row, column, left + Double(place) * cell.width, top))
                }
            }
            y += height + 18
        }
        return SVG.document(
            title: title, width: width, height: bottom + 32, style: SVG.style, body: body + scale(top: bottom))
    }

    private func mark(_ row: Int, _ column: Int, _ x: Double, _ y: Double) -> String {
        let one = cells[row][column]
        let place = Int(rows[row]) == nil ? rows[row] : "layer \(rows[row])"
        let words =
            "after \(columns[column].quoted) at position \(column), \(place): "
            + "\(one.token.quoted) \((100 * one.probability).fixed(1)) %"
        return SVG.mark(
            words,
            [
                Self.rectangle(x, y, Self.cell.width, Self.cell.height, one.probability),
                SVG.label(
                    one.token.shownToken(Self.longest), x + Self.cell.width / 2, y + Self.cell.height * 0.68,
                    "middle\(one.probability > Self.darkest ? " on-dark" : "")"),
            ])
    }

    /// The probability above which white text is easier to read than the page's own.
    private static let darkest = 0.7

    /// The surroundings show through what is improbable, light or dark.
    private static func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ probability: Double
    ) -> String {
        "<rect class=\"cell\" x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" width=\"\(SVG.number(width))\" "
            + "height=\"\(SVG.number(height))\" fill=\"#0550ae\" fill-opacity=\"\(probability.fixed(3))\"/>"
    }

    /// The colours of probabilities, and what a space looks like.
    private func scale(top: Double) -> [String] {
        let (steps, width, left) = (20, 8.0, Self.left)
        var elements = (0..<steps).map { step in
            Self.rectangle(left + Double(step) * width, top, width, 10, (Double(step) + 0.5) / Double(steps))
        }
        let end = left + Double(steps) * width
        elements.append(SVG.label("probability", left - 10, top + 9, "end"))
        for (share, name) in [(0.0, "0"), (0.5, "50"), (1, "100 %")] {
            elements.append(SVG.label(name, left + share * Double(steps) * width, top + 24, "tick"))
        }
        elements.append(SVG.label("␣ is a space", end + 32, top + 9, "quiet"))
        return elements
    }
}

extension TokenMapChart {
    /// - Parameters:
    ///   - lens: the readings of a text.
    ///   - model: its name.
    public init(_ lens: TextLens, of model: String) {
        self.init(
            title: "Top token after each layer, \(model)", rows: ["embedding"] + lens.layers.indices.map(String.init),
            columns: lens.tokens.map(\.text),
            cells: ([lens.embedding] + lens.layers).map { row in
                row.map { Cell(token: $0.text, probability: $0.probability) }
            })
    }
}

extension LineChart {
    /// The readings of prompts by layer, and what attention and MLP add to them.
    ///
    /// - Parameters:
    ///   - lens: the readings.
    ///   - metric: what was read.
    ///   - prompts: the prompts, for the title.
    public init(_ lens: PromptLens, metric: Metric, of prompts: String) {
        func points(_ estimates: [Estimate], after passed: Double, _ name: (Int) -> String) -> [Point] {
            estimates.enumerated().compactMap { layer, estimate in
                estimate.value.map {
                    Point(x: Double(layer) + passed, y: $0, interval: estimate.ci95, name: name(layer))
                }
            }
        }
        let start = lens.embedding.value.map {
            Point(x: 0, y: $0, interval: lens.embedding.ci95, name: "after the embedding")
        }
        let readings =
            [start].compactMap { $0 } + points(lens.afterAttention, after: 0.5) { "after the attention of layer \($0)" }
            + points(lens.afterMLP, after: 1) { "after the MLP of layer \($0)" }
        self.init(
            title: "\(metric.noun.capitalizedFirst) in the residual stream, \(prompts)", xLabel: "layers passed",
            unit: metric == .logProbability || metric == .divergence ? " nats" : "",
            series: [
                Series(name: metric.noun, points: readings.sorted { $0.x < $1.x }, colour: 0),
                Series(
                    name: "attention adds",
                    points: points(lens.attentionAdds, after: 0.5) { "the attention of layer \($0) adds" }, colour: 1),
                Series(
                    name: "MLP adds", points: points(lens.mlpAdds, after: 1) { "the MLP of layer \($0) adds" },
                    colour: 2),
            ],
            reference: 0)
    }
}

extension String {
    fileprivate var capitalizedFirst: String {
        // KL stays as it is.
        prefix(1).uppercased() + dropFirst()
    }

    /// A token on one line: a space as ␣, at most `longest` characters.
    package func shownToken(_ longest: Int) -> String {
        let text = replacing(" ", with: "␣").visible
        return text.count <= longest ? text : text.prefix(longest - 1) + "…"
    }
}
