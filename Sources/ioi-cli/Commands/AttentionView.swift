import IOIKit

extension AttentionResults {
    /// What is drawn: all tokens where the results have them.
    var drawn: AttentionPatterns { places ?? patterns }

    func title(on subject: Subject) -> String {
        guard let prompt else { return "Mean attention, \(subject.prompting)" }
        return prompt.id.map { "Attention on prompt \($0), \(subject.dataset?.name ?? "")" } ?? "Attention on a text"
    }

    /// For each head what END attends to, then the matrix, or where that is too wide the strongest keys of each token.
    ///
    /// - Parameter width: of a line, in characters.
    func printout(title: String, width: Int) -> Printout {
        var parts: [Printout.Part] = [.lines([title + (prompt.map { ": \($0.text)" } ?? "")])]
        for map in patterns.heads {
            parts += [.lines([""]), .table(strongest(map)), .lines([""])]
            parts += matrices(map, patterns, width: width)
        }
        return Printout(parts)
    }

    /// The name of a query or key, with the position that it has in the prompt.
    private func label(_ name: String, at place: Int) -> String {
        guard let positions = prompt?.positions else { return name }
        let names = positions.inOrder.filter { $0.index == place }.map(\.name.text)
        return names.isEmpty ? name : "\(name) (\(names.joined(separator: ", ")))"
    }

    /// The query that is asked for first: END, which is the last token and the last named position.
    private var end: Int { patterns.queries.firstIndex(of: "END") ?? patterns.queries.count - 1 }

    private func strongest(_ map: AttentionPatterns.Map) -> TextTable {
        let from = prompt == nil ? patterns.queries[end] : "END"
        let hasDonor = map.donor != nil
        var table = TextTable(header: ["\(map.head) from \(from) to"])
        let isMean = prompt == nil && count > 1
        for name in hasDonor ? ["model", "donor", "change"] : ["attention"] {
            table.header += [name] + (isMean ? ["95 %"] : [])
        }
        let digits = hasDonor || isMean ? 2 : 3
        table.rows = map.strongestKeys(of: end, isMean ? patterns.keys.count : 5).map { key in
            [label(patterns.keyLabel(key), at: key)]
                + [map.model, map.donor, map.difference].compactMap { $0 }.flatMap { matrix in
                    isMean ? matrix[end, key].cells(digits) : [matrix[end, key].cell(digits)]
                }
        }
        return table
    }

    private func matrices(_ map: AttentionPatterns.Map, _ patterns: AttentionPatterns, width: Int) -> [Printout.Part] {
        let all = [("model", map.model), ("donor", map.donor), ("donor − model", map.difference)].compactMap {
            name, matrix in matrix.map { (map.donor == nil ? "" : ", \(name)", $0) }
        }
        let tables = all.map { matrix($0.1, patterns, title: "\(map.head)\($0.0), %") }
        guard tables.allSatisfy({ ($0.lines.map(\.count).max() ?? 0) <= width }) else {
            return [.table(keys(map, patterns, width: width))]
        }
        return tables.enumerated().flatMap { index, table in
            (index > 0 ? [Printout.Part.lines([""])] : []) + [.table(table)]
        }
    }

    /// Per cent, empty where a query does not see a key.
    private func matrix(_ matrix: AttentionMatrix, _ patterns: AttentionPatterns, title: String) -> TextTable {
        let areTokens = patterns.queries == patterns.keys && prompt != nil
        var table = TextTable(
            header: [title] + (areTokens ? patterns.keys.indices.map(String.init) : patterns.keys))
        table.rows = matrix.value.enumerated().map { query, row in
            [patterns.queryLabel(query)] + row.map { $0.map { decimal(100 * $0, 0) } ?? "" }
        }
        return table
    }

    /// The strongest keys of each query, as many as fit.
    private func keys(_ map: AttentionPatterns.Map, _ patterns: AttentionPatterns, width: Int) -> TextTable {
        func table(_ count: Int) -> TextTable {
            var table = TextTable(header: ["\(map.head) from", "strongest keys"], leftColumns: Set(0...count))
            table.rows = patterns.queries.indices.map { query in
                [patterns.queryLabel(query)]
                    + map.strongestKeys(of: query, count).map { key in
                        let change = map.difference?[query, key].value.map { $0.fixed(2, isSigned: true) } ?? "0.00"
                        return "\(patterns.keyLabel(key)) \(map.model[query, key].cell(2))"
                            + (change == "0.00" ? "" : " (\(change))")
                    }
            }
            return table
        }
        return [4, 3, 2].lazy.map(table).first { ($0.lines.map(\.count).max() ?? 0) <= width } ?? table(1)
    }

    /// A line for each head, query and key.
    var csv: String {
        let hasDonor = patterns.heads.contains { $0.donor != nil }
        var header = "between,head,query,query_name,key,key_name,attention,attention_low,attention_high"
        if hasDonor { header += ",donor,donor_low,donor_high,difference,difference_low,difference_high" }
        let parts = [(prompt == nil ? "positions" : "tokens", patterns)] + (places.map { [("tokens", $0)] } ?? [])
        let lines = parts.flatMap { kind, patterns in
            patterns.heads.flatMap { map in
                patterns.queries.indices.flatMap { query in
                    patterns.keys.indices.filter { map.model.value[query][$0] != nil }.map { key in
                        let names = [
                            kind, map.head.description, "\(query)", patterns.queries[query].csvField, "\(key)",
                            patterns.keys[key].csvField,
                        ]
                        let figures = [map.model, map.donor, map.difference].compactMap { $0 }
                            .flatMap { $0[query, key].csvFields }
                        return (names + figures).joined(separator: ",")
                    }
                }
            }
        }
        return csvTable(header, lines)
    }
}
