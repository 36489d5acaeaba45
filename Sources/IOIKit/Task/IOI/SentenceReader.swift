import Foundation

/// Reads files of IOI sentences, one a line, each ending in its answer: "Then, Mary and John went to the store. John gave a
/// drink to Mary".
///
/// Each line may be of any of the four datasets, which the sentence itself tells:
///
/// | S2 | answer | dataset |
/// |---|---|---|
/// | one of the two names | the other | clean |
/// | one of the two names | a name not in the sentence | name-moving |
/// | one of the two names | the same | subject-duplication |
/// | a third name | one of the two | duplication |
public struct SentenceReader: Sendable {
    /// Makes the prompts of the sentences. It needs a tokenizer.
    public var prompts: PromptReader

    public init(_ prompts: PromptReader) { self.prompts = prompts }

    /// Reads a file. The dataset has the name of the rule that all sentences follow, or the file's if they differ.
    ///
    /// - Throws: `IOIError` naming the file and the lines of which no prompt can be made, and for the first of them what
    ///   was found and what was expected.
    public func dataset(contentsOf file: URL) throws -> IOIDataset {
        try dataset(InputFile.read(file, limit: .max), path: file.path)
    }

    /// - Parameters:
    ///   - bytes: the contents of the file.
    ///   - path: the file.
    ///   - name: the dataset's name; nil for those of the rules.
    ///   - choose: the indices of the lines to use, given their number.
    func dataset(
        _ bytes: Data,
        path: String,
        name: String? = nil,
        choosing choose: (Int) -> [Int] = { Array(0..<$0) }
    ) throws -> IOIDataset {
        guard let tokenizer = prompts.tokenizer else { throw PromptSource.noTokenizer }
        let lines = try Self.lines(bytes, path: path)
        let nameTokens = try prompts.nameTokens()
        var made: [IOIPrompt] = []
        var doubts: [(source: String, problem: String)] = []
        var faults: [(line: Int, error: IOIError)] = []
        for index in choose(lines.count) {
            let source = "\(path) line \(index + 1)"
            do {
                guard !lines[index].isEmpty else {
                    throw Sentence.Fault(problem: "found a blank line, expected a sentence")
                }
                let record = try record(of: Sentence(lines[index]), name: name, tokenizer: tokenizer, source: source)
                let prompt = try PromptDerivation(
                    reader: prompts, record: record, index: index, nameTokens: nameTokens
                ).prompt()
                made.append(prompt)
                if let doubt = prompt.irregularity(isGivenTokens: false, tokenizer) { doubts.append((source, doubt)) }
            } catch let fault as Sentence.Fault {
                faults.append((index + 1, IOIError("\(source): \(fault.problem)")))
            } catch let error as IOIError {
                faults.append((index + 1, error))
            }
        }
        if let first = faults.first {
            let others = faults.dropFirst().map { String($0.line) }
            let shown = others.prefix(10).joined(separator: ", ") + (others.count > 10 ? ", …" : "")
            let more = others.isEmpty ? "" : "; \(others.count) more such lines: \(shown)"
            throw IOIError("\(first.error.problem)\(more)")
        }
        let irregular = try prompts.irregular.check(doubts, of: made.count)
        let names = Set(made.map(\.dataset))
        let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return IOIDataset(
            name: names.count == 1 ? made[0].dataset : stem, seed: nil, prompts: made,
            jsonLines: PromptWriter.jsonLines(made), irregular: irregular
        )
    }

    private static func lines(_ bytes: Data, path: String) throws -> [String] {
        try ForeignFile.refuse(bytes, path: path)
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw IOIError("\(path): not UTF-8 text, expected one sentence a line")
        }
        // Windows' editors begin files with U+FEFF and end lines in "\r\n", which is one character to Swift.
        var lines = (text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...])
            .split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
            .map { $0.trimmingCharacters(in: .whitespaces) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard !lines.isEmpty else { throw IOIError("\(path): found an empty file, expected one sentence a line") }
        return lines
    }

    /// The prompts of a file of any task, whose names are taken from the sentences in place of the answers of the file.
    ///
    /// - Throws: `IOIError` naming an entry that gives no IOI prompt.
    func dataset(_ records: [PairRecord], of file: PromptFile, dropUnequal: Bool) throws -> IOIDataset {
        guard let tokenizer = prompts.tokenizer else { throw PromptSource.noTokenizer }
        let made = try records.map { pair in
            do {
                var record = try record(
                    of: Sentence(prompt: pair.text ?? ""), name: pair.dataset ?? file.name, tokenizer: tokenizer,
                    source: pair.source
                )
                record.id = pair.id.map { WholeNumber($0) }
                record.abcText = pair.counterfactual
                if pair.counterfactual == nil { record.abcTokens = pair.counterfactualTokens?.map { WholeNumber($0) } }
                return record
            } catch let fault as Sentence.Fault {
                throw IOIError("\(pair.source): \(pair.names.text): \(fault.problem)")
            }
        }
        return try prompts.dataset(
            made, of: file, field: records[0].names.counterfactual, dropUnequal: dropUnequal)
    }

    private func record(
        of sentence: Sentence,
        name: String?,
        tokenizer: BPETokenizer,
        source: String
    ) throws -> PromptRecord {
        for name in [sentence.io, sentence.s, sentence.s2, sentence.answer] {
            let count = tokenizer.encode(" " + name).count
            guard count == 1 else {
                throw Sentence.Fault(
                    problem: "found the name \(name) of \(count) tokens, expected names of one token, by the model's "
                        + "tokenizer"
                )
            }
        }
        func position(_ word: Int) -> WholeNumber {
            WholeNumber(tokenizer.encode(sentence.prefix(word)).count + (prompts.beginningOfText ? 1 : 0))
        }
        return PromptRecord(
            source: source, dataset: name ?? sentence.rule.name, template: Label(sentence.template),
            text: sentence.text,
            answer: sentence.answer, io: sentence.io, s: sentence.s,
            positions: .init(
                io: position(sentence.positions.io), s1: position(sentence.positions.s1),
                s2: position(sentence.positions.s2)
            )
        )
    }
}
