import Foundation
import IOIKit

extension PredictResults {
    /// The tokens of the text, what is expected next, and what was asked for.
    ///
    /// - Parameter models: their names.
    func printout(models: [String]) -> Printout {
        let letters = models.indices.map { models.count == 1 ? "" : " \(Self.letter($0))" }
        let legend = models.count == 1 ? [] : models.enumerated().map { "\(Self.letter($0)): \($1)" } + [""]
        let count = "\(tokens.count) token\(tokens.count == 1 ? "" : "s")"
        var parts: [Printout.Part] = [
            .lines(["\(count):"] + tokens.lines(width: min(Terminal.outputWidth, 100)) + [""] + legend),
            .table(Self.table(of: candidates, "next token", letters)),
        ]
        if let answers { parts += [.lines([""]), .table(Self.table(of: answers, "answer", letters))] }
        return Printout(parts)
    }

    /// A, B, C, …, beyond Z numbers.
    private static func letter(_ model: Int) -> String {
        model < 26 ? String(UnicodeScalar(UInt8(ascii: "A") + UInt8(model))) : "\(model + 1)"
    }

    private static func table(of candidates: [Candidate], _ name: String, _ letters: [String]) -> TextTable {
        func cells(_ figure: Figure?) -> [String] {
            figure.map { ["\($0.rank)", decimal($0.logit, 3), $0.probability.probabilityText] } ?? ["·", "·", "·"]
        }
        var table: TextTable
        if letters.count == 1 {
            // A list by rank begins with it.
            table = TextTable(header: ["rank", name, "id", "logit", "probability"])
            table.leftColumns = [1]
            table.rows = candidates.map { candidate in
                let figure = cells(candidate.figures[0])
                return [figure[0], candidate.text.quoted, "\(candidate.id)"] + figure[1...]
            }
        } else {
            table = TextTable(header: [name, "id"] + letters.flatMap { ["rank\($0)", "logit\($0)", "P\($0)"] })
            table.rows = candidates.map { candidate in
                [candidate.text.quoted, "\(candidate.id)"] + candidate.figures.flatMap(cells)
            }
        }
        return table
    }

    /// A line for each token and model.
    func csv(models: [String]) -> String {
        func lines(_ kind: String, _ candidates: [Candidate]) -> [String] {
            candidates.flatMap { candidate in
                zip(models, candidate.figures).map { model, figure in
                    "\(kind),\(candidate.text.csvField),\(candidate.id),\(model.csvField),"
                        + "\(figure.map { "\($0.rank)" } ?? ""),\(csvNumber(figure?.logit)),\(csvNumber(figure?.probability))"
                }
            }
        }
        return csvTable(
            "kind,token,id,model,rank,logit,probability", lines("next", candidates) + lines("answer", answers ?? []))
    }
}

extension Double {
    /// A probability with four decimals, or in powers of ten where it has none of them.
    var probabilityText: String { self >= 0.0001 || self == 0 ? fixed(4) : String(format: "%.1e", self) }
}
