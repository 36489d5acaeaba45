import Testing

@testable import GPT2Kit
@testable import IOIKit

/// A GPT-2 whose weights are set by hand, so that its circuit for pronouns is known: an MLP and a head, among heads and
/// MLPs that are noise.
///
/// - The *reading MLP*, at SUBJECT, writes the gender of the noun that stands there into the `gender` part of the stream.
/// - The *carrier*, a head at END, attends to nouns and moves `gender` into `pronoun`, which is what the unembedding
///   reads.
///
/// The rows of the embeddings are as in ``PlantedModel``: a large constant, and a sum of zero.
struct PlantedPronounModel: CustomTestStringConvertible, Sendable {
    let readingMLP: Int
    let carrier: Head
    let parameters: GPT2Parameters

    static let config = try! GPT2Config(
        vocabularySize: vocabulary.count, contextLength: 12, width: Stream.width, layers: 3, heads: 4, innerWidth: 32
    )

    static let all = [
        PlantedPronounModel(),
        PlantedPronounModel(readingMLP: 1, carrier: Head(2, 3), seed: 1),
    ]

    var config: GPT2Config { parameters.config }
    var testDescription: String { "planted m\(readingMLP), \(carrier)" }

    /// - Parameters:
    ///   - readingMLP: in a layer before the carrier's.
    ///   - seed: what the noise of all other heads and MLPs is drawn from.
    init(readingMLP: Int = 0, carrier: Head = Head(1, 0), seed: UInt64 = 0) {
        precondition(readingMLP < carrier.layer)
        (self.readingMLP, self.carrier) = (readingMLP, carrier)
        parameters = GPT2Parameters(zeros: Self.config)
        parameters.addNoise(0.02, sparing: Stream.constant, seed: seed)
        parameters.setEmbeddings()
        parameters.setGains(Stream.gain) { dimension in
            Stream.pronoun.contains(dimension) ? 9 : Stream.constant.contains(dimension) ? 0.05 : 0.5
        }
        let reader = PlantedMLP(clearing: readingMLP, of: parameters)
        for (gender, to) in Stream.gender.enumerated() {
            // 3 before its GELU for a noun of this gender, else -3.
            let nouns = Self.genders.indices.filter { Self.genders[$0] == gender }.map { ($0, Float(6)) }
            reader.set(
                gender, reading: Dictionary(uniqueKeysWithValues: nouns), bias: -3,
                writing: PlantedMLP.writing(to, 1 / 3, sink: Stream.sink)
            )
        }
        PlantedHead(clearing: carrier, of: parameters).becomeCarrier(
            at: Stream.isEnd, from: Stream.isNoun, first: Stream.isFirst, moving: Stream.gender, to: Stream.pronoun,
            sink: Stream.sink
        )
    }
}

/// What each dimension of the residual stream is for.
private enum Stream {
    /// Which noun the token is: its unit vector.
    static let noun = 0..<8
    /// The gender of the noun that stands here, masculine or feminine; written by the reading MLP.
    static let gender = 8..<10
    /// The pronoun that the token is. At END it is what is said; written by the carrier.
    static let pronoun = 10..<12
    /// 1 for a noun.
    static let isNoun = 12
    /// 1 for the last word of every prompt.
    static let isEnd = 13
    /// 1 for the first token, where attention that has nothing to look for goes.
    static let isFirst = 14
    /// Which word the token is, if it is no noun: random.
    static let word = 15..<21
    /// Which position the token has: random.
    static let position = 21..<26
    /// Takes the negative of what is written elsewhere, so that rows keep their sum. Nothing reads it.
    static let sink = 26..<30
    /// The large constant, in one dimension positive and in the other negative.
    static let constant = 30..<32

    static let width = 32
    static let size: Float = 6
    /// Undoes what a LayerNorm divides a row by: the root mean square of the constant.
    static let gain = (2 * size * size / Float(width)).squareRoot()
}

extension GPT2Parameters {
    fileprivate func setEmbeddings() {
        for (token, word) in PlantedPronounModel.vocabulary.enumerated() {
            let row = tokenTable[token]
            if token < PlantedPronounModel.nouns.count {
                row[Stream.noun.lowerBound + token] = 1
                row[Stream.isNoun] = 1
            } else {
                fill(Stream.word, of: row, deviation: 0.3, SeededGenerator(0, "word", token))
            }
            if let pronoun = PlantedPronounModel.pronouns.firstIndex(of: token) {
                row[Stream.pronoun.lowerBound + pronoun] = 1
            }
            row[Stream.isEnd] = word == "because" ? 1 : 0
            row[Stream.constant.lowerBound] = Stream.size
            row[Stream.constant.lowerBound + 1] = -Stream.size
            balance(row, by: Stream.constant)
        }
        for position in 0..<config.contextLength {
            let row = positionTable[position]
            row[Stream.isFirst] = position == 0 ? 1 : 0
            fill(Stream.position, of: row, deviation: 0.1, SeededGenerator(0, "position", position))
            balance(row, by: Stream.constant)
        }
    }
}

extension PlantedPronounModel {
    /// The first tokens of the vocabulary.
    static let nouns = ["boy", "king", "uncle", "monk", "girl", "queen", "aunt", "nun"]
    /// Of each noun: 0 masculine, 1 feminine.
    static let genders = [0, 0, 0, 0, 1, 1, 1, 1]
    /// The tokens of "he" and "she".
    static let pronouns = [nouns.count, nouns.count + 1]
    static let subject = PositionName("SUBJECT")!

    private static let wordings = [
        "The SUBJECT lost it because", "All morning the SUBJECT stayed in the garden because",
        "In the end our SUBJECT gave it back because",
    ]

    /// Token by token, without leading spaces.
    static let vocabulary: [String] = {
        let words = wordings.flatMap { $0.split(separator: " ").map(String.init) }.filter { $0 != "SUBJECT" }
        return (nouns + ["he", "she"] + words).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }()

    /// Three templates of 5, 8 and 8 tokens, and of each a prompt for each noun. In the counterfactual stands a noun of the
    /// other gender.
    static let prompts: [Prompt] = wordings.enumerated().flatMap { template, wording in
        nouns.indices.map { noun in
            let words = wording.split(separator: " ").map(String.init)
            let place = words.firstIndex(of: "SUBJECT")!
            func filled(_ noun: Int) -> [String] { words.map { $0 == "SUBJECT" ? nouns[noun] : $0 } }
            func tokens(_ words: [String]) -> [Int] { words.map { vocabulary.firstIndex(of: $0)! } }
            let (text, counterfactual) = (filled(noun), filled((noun + 4) % nouns.count))
            let (right, wrong) = (pronouns[genders[noun]], pronouns[1 - genders[noun]])
            return Prompt(
                id: template * nouns.count + noun, dataset: "pronouns", template: "\(template)",
                group: ["masculine", "feminine"][genders[noun]], text: text.joined(separator: " "),
                tokens: tokens(text), counterfactualText: counterfactual.joined(separator: " "),
                counterfactualTokens: tokens(counterfactual), rightTokens: [right], wrongTokens: [wrong],
                answer: " \(vocabulary[right])", answerToken: right,
                positions: Positions([subject: place], count: words.count)
            )
        }
    }
}
