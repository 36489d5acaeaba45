/// The documents that a model is pretrained on, made of IOI templates, names, places and objects.
///
/// No document contains a held-out pair of names. Each has its own random stream, so the number of documents changes none
/// of them.
public struct Corpus: Sendable {
    private let mix: CorpusMix
    private let seed: UInt64
    private let tokenizer: BPETokenizer
    private let templates: [TokenizedTemplate]
    private let names, places, objects: [Word]
    private let endOfText, period: Int
    /// Whether two people, by their indices in `names`, may occur in one document.
    private let mayMeet: [[Bool]]

    /// A tokenizer in which each word of the corpus is one token with its leading space.
    public static func tokenizer(_ templates: TemplateSet, _ names: NameList) throws -> BPETokenizer {
        let starts = (names.names + templates.objects + templates.places)
        return try BPETokenizer.covering(
            templates, names,
            and: CorpusSentences.all.map {
                CorpusSentences.fill($0, a: names.names[0], b: names.names[1], place: starts[0], object: starts[0])
            }
        )
    }

    /// - Throws: `IOIError` if the words are not single tokens.
    public init(
        _ mix: CorpusMix,
        seed: UInt64,
        templates: TemplateSet,
        names: NameList,
        tokenizer: BPETokenizer
    ) throws {
        self.mix = mix
        self.seed = seed
        self.tokenizer = tokenizer
        self.templates = templates.templates.map { TokenizedTemplate($0, tokenizer: tokenizer) }
        let words = try Word.tokenized(
            [
                Word.List(source: names.source, kind: "name", entries: names.names),
                Word.List(source: templates.source, kind: "place", entries: templates.places),
                Word.List(source: templates.source, kind: "object", entries: templates.objects),
            ],
            by: tokenizer
        )
        (self.names, places, objects) = (words[0], words[1], words[2])
        endOfText = try tokenizer.beginningOfText()
        guard let period = tokenizer.token(for: ".") else {
            throw IOIError("tokenizer: found \".\" as several tokens, expected one")
        }
        self.period = period
        var mayMeet = Array(repeating: Array(repeating: true, count: words[0].count), count: words[0].count)
        for pair in NamePairs(names.names).heldOut {
            mayMeet[pair.first][pair.second] = false
            mayMeet[pair.second][pair.first] = false
        }
        for index in words[0].indices { mayMeet[index][index] = false }
        self.mayMeet = mayMeet
    }

    /// A document, with the end-of-text token as its answer. IOI sentences have their positions.
    public func document(_ index: Int) -> TrainingExample {
        var generator = SeededGenerator(seed, "document", index)
        let beginning = generator.uniform() < mix.beginningOfText ? [endOfText] : []
        let kind = mix.kind(at: generator.uniform())
        switch kind {
        case .ioi, .threeNames:
            let (tokens, positions) = sentence(isRepeated: kind == .ioi, using: &generator)
            return TrainingExample(
                tokens: beginning + tokens + [period], answer: endOfText,
                positions: kind == .ioi ? positions.moved(by: beginning.count) : nil
            )
        case .lists: return example(beginning, list(using: &generator))
        case .thanks: return example(beginning, filled(CorpusSentences.thanks, using: &generator))
        case .onePerson: return example(beginning, filled(CorpusSentences.onePerson, using: &generator))
        case .noPerson: return example(beginning, filled(CorpusSentences.noPerson, using: &generator))
        }
    }

    private func example(_ beginning: [Int], _ text: String) -> TrainingExample {
        TrainingExample(tokens: beginning + tokenizer.encode(text), answer: endOfText)
    }

    /// An IOI sentence with its last name; the giver is the repeated subject, or a third person.
    private func sentence(
        isRepeated: Bool,
        using generator: inout SeededGenerator
    ) -> (tokens: [Int], positions: Positions) {
        let template = templates[generator.below(templates.count)]
        let order = NameOrder.allCases[generator.below(NameOrder.allCases.count)]
        let (place, object) = (draw(places, &generator), draw(objects, &generator))
        let people = people(isRepeated ? 3 : 4, using: &generator).map { names[$0].token }
        let (io, s, other) = (people[0], people[1], people.last!)
        var (tokens, positions) = template.filled(order: order, io: io, s: s, place: place.token, object: object.token)
        let place01 = generator.uniform()
        if isRepeated {
            let last = mix.lastName
            tokens.append(place01 < last.io ? io : place01 < last.io + last.s ? s : other)
        } else {
            let (last, giver) = (mix.lastOfThree, people[2])
            tokens[positions.s2] = giver
            let two = 2 * last.eachOfTwo
            tokens.append(
                place01 < last.eachOfTwo ? io : place01 < two ? s : place01 < two + last.giver ? giver : other
            )
        }
        return (tokens, positions)
    }

    /// Words of one kind, listed twice in the same order.
    private func list(using generator: inout SeededGenerator) -> String {
        let count = 3 + generator.below(4)
        let kind = generator.below(4)
        let words =
            if kind < 2 {
                people(count, using: &generator).map { names[$0].text }
            } else {
                several(count, of: kind == 2 ? places : objects, using: &generator)
            }
        let spoken = words.map { " " + $0 }.joined()
        return CorpusSentences.list.first + spoken + "." + CorpusSentences.list.again + spoken + "."
    }

    private func filled(_ sentences: [String], using generator: inout SeededGenerator) -> String {
        let sentence = sentences[generator.below(sentences.count)]
        let people = people(2, using: &generator).map { names[$0].text }
        return CorpusSentences.fill(
            sentence, a: people[0], b: people[1], place: draw(places, &generator).text,
            object: draw(objects, &generator).text
        )
    }

    /// Different people, no two of whom are a held-out pair.
    private func people(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
        var people: [Int] = []
        while people.count < count {
            let person = generator.below(names.count)
            if people.allSatisfy({ mayMeet[$0][person] }) { people.append(person) }
        }
        return people
    }

    private func several(_ count: Int, of words: [Word], using generator: inout SeededGenerator) -> [String] {
        var rest = words.map(\.text)
        generator.shuffle(&rest)
        return Array(rest.prefix(count))
    }

    private func draw(_ words: [Word], _ generator: inout SeededGenerator) -> Word {
        words[generator.below(words.count)]
    }
}

/// The other sentences of a ``Corpus``, with slots for people `[A]` and `[B]`, a place and an object. None begins with a
/// slot: its word would have no leading space.
enum CorpusSentences {
    static let thanks = [
        "At lunch [A] and [B] met at the [PLACE], and [A] thanked [B] for the [OBJECT].",
        "When [A] and [B] left the [PLACE], [B] thanked [A] for the [OBJECT].",
        "After lunch, [A] thanked [B] for a [OBJECT] from the [PLACE].",
        "At noon [A] found [B] in front of the [PLACE] and thanked [B].",
    ]
    static let onePerson = [
        "Last Sunday [A] bought a [OBJECT] at the [PLACE].",
        "In the end, [A] walked home from the [PLACE] with a [OBJECT].",
        "On a cold morning, [A] found a [OBJECT] in front of the [PLACE].",
        "Yesterday [A] lost a [OBJECT] on the way to the [PLACE].",
    ]
    static let noPerson = [
        "It was raining hard at the [PLACE].",
        "The [OBJECT] was lost near the [PLACE].",
        "A week later the [PLACE] had a [OBJECT] in front.",
        "The way to the [PLACE] was long.",
    ]

    /// The text before a list and before its repetition.
    static let list = (first: "Once:", again: " Again:")

    static let all = thanks + onePerson + noPerson + [list.first + list.again]

    static func fill(_ sentence: String, a: String, b: String, place: String, object: String) -> String {
        sentence.replacing("[A]", with: a).replacing("[B]", with: b).replacing("[PLACE]", with: place)
            .replacing("[OBJECT]", with: object)
    }
}
