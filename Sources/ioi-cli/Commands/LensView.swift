import IOIKit

extension TextLens {
    /// A table of layers and positions, in blocks of positions that fit the width.
    func printout(width: Int) -> Printout {
        let names = ["embedding"] + layers.indices.map(String.init)
        let readings = [embedding] + layers
        // The longest token that is shown whole, beside a share of up to 100 and two blanks between columns.
        let longest = 8
        let room = max(width - "embedding".count, 1) / (longest + 6)
        let blocks = (tokens.count + max(room, 1) - 1) / max(room, 1)
        let share = (tokens.count + blocks - 1) / blocks
        var parts: [Printout.Part] = [
            .lines([
                "top token after each layer and its probability in %; ␣ is a space", "",
            ])
        ]
        for start in stride(from: 0, to: tokens.count, by: share) {
            let block = start..<min(start + share, tokens.count)
            var table = TextTable(
                header: ["layer"]
                    + block.map { "\($0):\(tokens[$0].text.shownToken(longest + 4 - "\($0):".count))" })
            table.rows = zip(names, readings).map { name, row in
                [name]
                    + block.map { position in
                        let share = (100 * row[position].probability).fixed(0)
                        return row[position].text.shownToken(longest).padded(to: longest) + " "
                            + String(repeating: " ", count: 3 - share.count) + share
                    }
            }
            table.leftColumns = Set(0...block.count)
            if start > 0 { parts.append(.lines([""])) }
            parts.append(.table(table))
        }
        return Printout(parts)
    }

    /// A line for each layer and position.
    var csv: String {
        let names = ["embedding"] + layers.indices.map(String.init)
        return csvTable(
            "layer,position,token,token_id,top,top_id,logit,probability",
            zip(names, [embedding] + layers).flatMap { name, row in
                zip(tokens, row).enumerated().map { position, pair in
                    let (token, reading) = pair
                    return "\(name),\(position),\(token.text.csvField),\(token.id),\(reading.text.csvField),"
                        + "\(reading.id),\(csvNumber(reading.logit)),\(csvNumber(reading.probability))"
                }
            })
    }
}

extension PromptLens {
    /// The readings in the order of computation, with what each adds to the one before.
    private var rows: [(layer: Int?, place: String, reading: Estimate, added: Estimate?)] {
        [(nil, "embedding", embedding, nil)]
            + afterMLP.indices.flatMap { layer in
                [
                    (layer, "attention", afterAttention[layer], attentionAdds[layer]),
                    (layer, "MLP", afterMLP[layer], mlpAdds[layer]),
                ]
            }
    }

    /// - Parameter metric: what was measured; nil for the logit difference.
    func table(_ metric: Metric?) -> TextTable {
        var table = TextTable(header: [
            "after", (metric ?? .logitDifference).noun, "95 % interval", "added", "95 % interval",
        ])
        table.rows = rows.map { row in
            [row.layer.map { "\($0) \(row.place)" } ?? row.place] + row.reading.cells(3)
                + (row.added?.cells(3) ?? ["", ""])
        }
        return table
    }

    /// A line for each reading.
    var csv: String {
        csvTable(
            "layer,after,value,ci95_low,ci95_high,added,added_ci95_low,added_ci95_high",
            rows.map { row in
                let fields = row.reading.csvFields + (row.added?.csvFields ?? ["", "", ""])
                return "\(row.layer.map(String.init) ?? ""),\(row.place.lowercased()),\(fields.joined(separator: ","))"
            })
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}
