import IOIKit

/// A table with a row for each prompt: what it is, and its figures.
struct PromptTable {
    /// The figures of all prompts, as text.
    typealias Column = (name: String, cells: [String])

    private let columns: [Column]

    /// - Parameters:
    ///   - figures: in the order of the prompts.
    ///   - subject: its dataset has the prompts.
    init(_ figures: [Column], on subject: Subject) {
        let prompts = subject.prompts
        func texts(_ tokens: [Int]) -> String {
            tokens.map { subject.model.tokenizer?.decode([$0]) ?? "\($0)" }.joined(separator: "|")
        }
        var columns: [Column] = [
            ("id", prompts.map { "\($0.id)" }), ("template", prompts.map(\.template)), ("text", prompts.map(\.text)),
        ]
        if let ioi = subject.dataset?.ioi?.prompts {
            columns += [("io", ioi.map(\.io)), ("s", ioi.map(\.s))]
        } else {
            columns += [
                ("right", prompts.map { texts($0.rightTokens) }), ("wrong", prompts.map { texts($0.wrongTokens) }),
            ]
        }
        self.columns = columns + figures
    }

    var csv: String {
        csvTable(
            columns.map(\.name.csvField).joined(separator: ","),
            (columns.first?.cells ?? []).indices.map { row in
                columns.map { $0.cells[row].csvField }.joined(separator: ",")
            }
        )
    }
}

/// Results that hold the figures of each prompt.
protocol PromptFigures {
    /// In the order of the prompts.
    func promptColumns(on subject: Subject) -> [PromptTable.Column]
}

extension PromptTable {
    static func column(_ name: String, _ values: [Double?]) -> Column { (name, values.map(csvNumber)) }
}

extension TaskEvaluation: PromptFigures {
    func promptColumns(on subject: Subject) -> [PromptTable.Column] {
        func predicted(_ tokens: [Int?]) -> PromptTable.Column {
            ("predicted", tokens.map { $0.flatMap { subject.model.tokenizer?.decode([$0]) } ?? "" })
        }
        switch self {
        case .ioi(let evaluation):
            let all = evaluation.perPrompt ?? []
            return [
                predicted(all.map(\.predictedToken)),
                PromptTable.column("logit_difference", all.map(\.logitDifference)),
                PromptTable.column("io_probability", all.map(\.ioProbability)),
                ("io_rank", all.map { "\($0.ioRank)" }),
                PromptTable.column("loss", all.map(\.loss)),
                PromptTable.column("counterfactual_logit_difference", all.map(\.counterfactualLogitDifference)),
                PromptTable.column("io_over_names", all.map(\.ioOverNames)),
                ("io_rank_among_names", all.map { $0.ioRankAmongNames.map(String.init) ?? "" }),
            ]
        case .choice(let evaluation):
            let all = evaluation.perPrompt ?? []
            return [
                predicted(all.map(\.predictedToken)),
                PromptTable.column("probability_difference", all.map(\.probabilityDifference)),
                PromptTable.column("logit_difference", all.map(\.logitDifference)),
                PromptTable.column("log_probability", all.map(\.logProbability)),
                PromptTable.column("loss", all.map(\.loss)),
            ]
        }
    }
}

extension PatchResults: PromptFigures {
    func promptColumns(on subject: Subject) -> [PromptTable.Column] {
        func columns(_ map: PatchMap, _ prefix: String = "") -> [PromptTable.Column] {
            guard let all = map.perPrompt else { return [] }
            return [PromptTable.column(prefix + "original", all.original)]
                + (all.donor.map { [PromptTable.column(prefix + "donor", $0)] } ?? [])
                + all.patched.joined().enumerated().map {
                    PromptTable.column("\(prefix)patched \(map.name(ofCell: $0))", $1)
                }
        }
        switch self {
        case .map(let map): return columns(map)
        case .directions(let directions):
            return directions.sorted { $0.key < $1.key }.flatMap { columns($1.map, "\($0) ") }
        }
    }
}

extension KnockoutResults: PromptFigures {
    func promptColumns(on subject: Subject) -> [PromptTable.Column] {
        guard let all = perPrompt else { return [] }
        return [PromptTable.column("original", all.original), PromptTable.column("together", all.together)]
            + zip(each, all.each).map { PromptTable.column($0.name, $1) }
    }
}

extension FaithfulnessResults: PromptFigures {
    func promptColumns(on subject: Subject) -> [PromptTable.Column] {
        perPrompt.map { [PromptTable.column("model", $0.model), PromptTable.column("circuit", $0.circuit)] } ?? []
    }
}

extension LensResults: PromptFigures {
    func promptColumns(on subject: Subject) -> [PromptTable.Column] {
        guard case .prompts(let lens) = self, let all = lens.perPrompt else { return [] }
        return [PromptTable.column("embedding", all.map(\.embedding))]
            + lens.afterMLP.indices.flatMap { layer in
                [
                    PromptTable.column("\(layer) attention", all.map { $0.afterAttention[layer] }),
                    PromptTable.column("\(layer) MLP", all.map { $0.afterMLP[layer] }),
                ]
            }
    }
}
