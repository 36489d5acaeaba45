import IOIKit

extension PlanForecast {
    /// The pieces of work by stage, and their times.
    func text(out: String) -> Printout {
        var table = TextTable(header: ["piece of work", "steps", "time", ""])
        table.leftColumns = [0, 3]
        var stage: String?
        for piece in pieces {
            if piece.stage != stage { table.rows.append([piece.stage, "", "", ""]) }
            stage = piece.stage
            table.rows.append([
                "  \(piece.title)", piece.steps.map(String.init) ?? "", piece.seconds.duration,
                piece.isDone ? "done" : "",
            ])
        }
        let done = pieces.count(where: \.isDone)
        return Printout([
            .lines([
                "The plan \(plan) on \(model.name): \(Set(pieces.map(\.stage)).count) stages, \(pieces.count) pieces of work, "
                    + "of which \(done) are done in \(out). Times are for this machine with \(environment.threads) threads, "
                    + "estimated from a few training steps and a few prompts of each measure.",
                "",
            ]),
            .table(table), .lines(["", "\(secondsLeft.duration) left of \(seconds.duration) in all"]),
        ])
    }

    /// A line for each piece of work.
    var csv: String {
        csvTable(
            "stage,piece,steps,seconds,done",
            pieces.map { piece in
                [
                    piece.stage, piece.title, piece.steps.map(String.init) ?? "", csvNumber(piece.seconds),
                    "\(piece.isDone)",
                ].map(\.csvField).joined(separator: ",")
            }
        )
    }
}
