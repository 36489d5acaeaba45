import Foundation

/// The next tokens that one or more models expect after a text.
public struct PredictExperiment: Experiment, Equatable {
    public static let name = "predict"

    /// The text.
    public var input: TextInput
    /// How many tokens of each model's largest logits are listed.
    public var top = 10
    /// Texts of one token each that are listed whatever their rank.
    public var answers: [String] = []
    /// Further models, which read the same tokens. Their hashes are among the results.
    public var against: [ModelRecord] = []

    enum CodingKeys: String, CodingKey {
        case input, top, against
        case answers = "answer"
    }

    /// The most tokens that can be listed.
    public static let most = 1000

    /// - Parameter input: the text.
    public init(_ input: TextInput) { self.input = input }

    public func validate() throws {
        try IOIError.scoped("input", input.validate)
        try IOIError.check("top", top, in: 1...Self.most)
        if answers.contains("") { throw IOIError.invalid("answer", "found nothing, expected the text of a token") }
    }

    public var counterfactuals: CounterfactualUse { .none }

    public func run(on subject: Subject, _ work: Work) throws -> PredictResults {
        let model = subject.model
        let tokens = try input.tokens(for: model)
        let tokenizer = try model.requireTokenizer()
        let answers = try answers.map { try Self.token($0, of: tokenizer) }
        var predictions: [NextTokens] = []
        var others: [PredictResults.Model] = []
        func predict(_ model: GPT2) throws {
            try work.settings.checkInterruption()
            predictions.append(try NextTokens(after: tokens.map(\.id), model.parameters, workers: work.workers))
            work.progress(Double(predictions.count) / Double(against.count + 1))
        }
        try predict(model)
        for record in against {
            let other = try load(record, comparableWith: model, tokens: tokens.map(\.id), workers: work.workers)
            try predict(other)
            others.append(.init(name: record.name, sha256: try other.sha256()))
        }
        var listed: [Int] = []
        for token in predictions.flatMap({ $0.top(top) }) where !listed.contains(token) { listed.append(token) }
        func candidates(_ tokens: [Int]) -> [PredictResults.Candidate] {
            tokens.map { token in
                .init(TextToken(token, of: tokenizer), predictions.map { $0.figure(of: token) })
            }
        }
        return PredictResults(
            tokens: tokens, against: others.isEmpty ? nil : others, candidates: candidates(listed),
            answers: answers.isEmpty ? nil : candidates(answers))
    }

    private static func token(_ answer: String, of tokenizer: BPETokenizer) throws -> Int {
        let tokens = tokenizer.encode(answer)
        guard tokens.count == 1 else {
            let parts = tokens.map { tokenizer.decode([$0]).quoted }.joined(separator: ", ")
            // Most words are one token only with the space before them.
            let spaced = answer.first == " " ? nil : tokenizer.token(for: " " + answer)
            throw IOIError.invalid(
                "answer",
                "found \(answer.quoted), which is \(tokens.count) tokens (\(parts)), expected one token"
                    + (spaced == nil ? "" : ", such as \((" " + answer).quoted)"))
        }
        return tokens[0]
    }

    /// A further model.
    ///
    /// - Throws: `IOIError` of the field `against` if there is no such model, its tokens are others, or the text is longer
    ///   than its context.
    private func load(_ record: ModelRecord, comparableWith model: GPT2, tokens: [Int], workers: Workers) throws
        -> GPT2
    {
        let location: ModelLocation
        if let folder = record.folder {
            location = try record.location(in: URL(fileURLWithPath: folder))
        } else {
            location = try ModelLocation.find(record.name)
        }
        let other = try GPT2(location, workers: workers)
        func refuse(_ problem: String) -> IOIError { .invalid("against", "\(record.name): \(problem)") }
        if let tokenizer = model.tokenizer, let difference = other.tokenizer?.difference(from: tokenizer) {
            throw refuse("\(difference), as in \(model.location.name)")
        }
        if let token = tokens.first(where: { $0 >= other.config.vocabularySize }) {
            throw refuse("found a vocabulary of \(other.config.vocabularySize), expected more than token \(token)")
        }
        guard tokens.count <= other.config.contextLength else {
            throw refuse("found a context of \(other.config.contextLength), expected the text's \(tokens.count) tokens")
        }
        other.beginHashing()
        return other
    }
}
