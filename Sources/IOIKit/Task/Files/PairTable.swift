/// Tables in the columns of EAP-IG (Hanna et al. 2403.17806): `clean`, `corrupted`, and the answers as
///
/// | columns | answers |
/// |---|---|
/// | `correct`, `incorrect` | words of one token, several with `|` between them |
/// | `correct_idx`, `incorrect_idx` | token ids |
/// | `label` | Greater-Than: the two digits that the year must exceed |
///
/// Other columns are skipped, such as an index and `corrupted_hard`.
enum PairTable {
    static let words = PairRecord.Names.table(right: "correct", wrong: "incorrect")
    static let ids = PairRecord.Names.table(right: "correct_idx", wrong: "incorrect_idx")
    static let label = PairRecord.Names.table(right: "label", wrong: "label")

    /// What to do about ids of another vocabulary.
    static let waysOut =
        "ids of another vocabulary can be replaced by columns correct and incorrect with words, or the names taken from "
        + "the sentences (answers: sentence)"

    private static let columns = "either correct and incorrect, correct_idx and incorrect_idx, or label"

    /// Between several words.
    private static let separator: Character = "|"

    /// - Parameter path: names the file in errors.
    /// - Throws: `IOIError` naming the line and the column that is missing or invalid.
    static func records(_ text: String, path: String) throws -> [PairRecord] {
        // Any text is a table to a parser, so that its columns are looked at first.
        let first = String(text.prefix { !$0.isNewline })
        guard first.split(separator: ",").contains(where: { $0.trimmingPrefix("\"").hasPrefix("clean") }) else {
            throw IOIError(
                "\(path): found the first line \(first.quoted), expected JSON, or a table with the columns clean, corrupted "
                    + "and \(columns)"
            )
        }
        let table = try CSVTable(text, path: path)
        func column(_ name: String) -> Int? { table.header.firstIndex(of: name) }
        guard let clean = column("clean"),
            let names = [words, ids, label].first(where: { column($0.right) != nil }), let right = column(names.right)
        else {
            let found = table.header.joined(separator: ", ").quoted
            throw IOIError("\(path) line 1: found the columns \(found), expected clean, corrupted and \(columns)")
        }
        let (corrupted, wrong) = (column(names.counterfactual), column(names.wrong))
        if names == ids, wrong == nil {
            throw IOIError("\(path) line 1: found the column correct_idx alone, expected incorrect_idx as well")
        }
        guard !table.rows.isEmpty else { throw IOIError("\(path): found a header alone, expected prompts below it") }
        return try table.rows.map { line, fields in
            var record = PairRecord(names: names, source: "\(path) line \(line)")
            record.text = fields[clean]
            record.counterfactual = corrupted.map { fields[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            switch names {
            case label:
                let (year, digits) = (Int(fields[right]), fields[right])
                guard let year, (0...98).contains(year), digits.count <= 2, digits.allSatisfy(\.isNumber) else {
                    throw IOIError(
                        "\(record.source): label: found \(digits.quoted), expected the two digits of a year, 00 to 98")
                }
                record.group = "\(year / 10)0s"
                record.right = (year + 1...99).map { .text(Self.digits($0)) }
                record.wrong = (0...year).map { .text(Self.digits($0)) }
            case ids:
                record.right = [.token(try id(fields[right], "correct_idx", record.source))]
                record.wrong = [.token(try id(fields[wrong!], "incorrect_idx", record.source))]
            default:
                func answers(_ field: String) -> [PairRecord.Answer] {
                    field.isEmpty
                        ? []
                        : field.split(separator: separator, omittingEmptySubsequences: false).map { .text(String($0)) }
                }
                record.right = answers(fields[right])
                record.wrong = wrong.map { answers(fields[$0]) }
            }
            return record
        }
    }

    private static func digits(_ year: Int) -> String { year < 10 ? "0\(year)" : "\(year)" }

    private static func id(_ field: String, _ column: String, _ source: String) throws -> Int {
        guard let id = Int(field), id >= 0 else {
            throw IOIError("\(source): \(column): found \(field.quoted), expected a token id")
        }
        return id
    }

    /// The table of prompts: with `label` for years as in Greater-Than, with ids for one right and one wrong token each,
    /// else with words.
    ///
    /// - Throws: `IOIError` naming the prompt whose tokens do not follow from its text, or whose answers are no words.
    static func text(_ prompts: [Prompt], _ texts: PairTexts) throws -> String {
        let pairs = try texts.pairs(prompts)
        let hasCounterfactuals = pairs.contains { $0.counterfactual != nil }
        let labels = pairs.map(year)
        let isIDs = prompts.allSatisfy { $0.rightTokens.count == 1 && $0.wrongTokens.count == 1 }
        let names = labels.allSatisfy { $0 != nil } ? label : isIDs ? ids : words
        let header =
            ["clean"] + (hasCounterfactuals ? ["corrupted"] : [])
            + (names == label ? ["label"] : [names.right, names.wrong])
        let rows = try prompts.indices.map { index in
            let (prompt, pair) = (prompts[index], pairs[index])
            let answers: [String]
            switch names {
            case label: answers = [labels[index]!]
            case ids: answers = ["\(prompt.rightTokens[0])", "\(prompt.wrongTokens[0])"]
            default:
                if let word = (pair.right + pair.wrong).first(where: { $0.contains(separator) }) {
                    throw IOIError(
                        "prompt \(prompt.id): found the answer \(word.quoted), expected none with \(separator), which "
                            + "separates words in a table"
                    )
                }
                answers = [pair.right, pair.wrong].map { $0.joined(separator: String(separator)) }
            }
            return [pair.text] + (hasCounterfactuals ? [pair.counterfactual ?? ""] : []) + answers
        }
        return CSVTable.text([header] + rows)
    }

    /// The label of a prompt whose right answers are all two-digit years above it, and whose wrong ones all others.
    private static func year(_ pair: PairTexts.Pair) -> String? {
        guard let year = pair.wrong.indices.last, (0...98).contains(year),
            Set(pair.wrong) == Set((0...year).map(digits)), Set(pair.right) == Set((year + 1...99).map(digits))
        else { return nil }
        return digits(year)
    }
}
