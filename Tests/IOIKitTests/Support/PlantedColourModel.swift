import Testing

@testable import GPT2Kit
@testable import IOIKit

/// A GPT-2 whose weights are set by hand, so that its circuit for copying from a list is known: three heads, among
/// heads and MLPs that are noise.
///
/// - The *binding head*, at each object of the list, attends to the token before, its colour, and writes that colour
///   into the `beside` part of the stream.
/// - The *asking head*, at END, attends to the token before, the object that is asked for, and writes that object into
///   `sought`.
/// - The *colour mover*, at END, attends to objects with a colour beside them, most to the one in `sought`, and copies
///   the colour into `colour`, which is what the unembedding reads.
///
/// So only the colour mover's query tells which object is asked for. A counterfactual that asks for another leaves what
/// the binding head writes as it is: the head is needed, but no patch from that counterfactual can show it. The
/// colour mover's attention stays soft (0.8), so that gradients tell of it.
///
/// The rows of the embeddings are as in ``PlantedModel``: a large constant, and a sum of zero.
struct PlantedColourModel: CustomTestStringConvertible, Sendable {
    let binding: Head
    let asking: Head
    let mover: Head
    let parameters: GPT2Parameters

    static let config = try! GPT2Config(
        vocabularySize: vocabulary.count, contextLength: Stream.position.count, width: Stream.width, layers: 3,
        heads: 4,
        innerWidth: 32
    )

    static let all = [
        PlantedColourModel(),
        PlantedColourModel(binding: Head(1, 3), asking: Head(0, 0), mover: Head(2, 2), seed: 1),
    ]

    var config: GPT2Config { parameters.config }
    /// All heads but the planted ones, ascending.
    var noiseHeads: [Head] { config.allHeads.filter { ![binding, asking, mover].contains($0) } }
    var testDescription: String { "planted \(binding), \(asking), \(mover)" }

    /// - Parameters:
    ///   - binding: in a layer before the colour mover's.
    ///   - asking: in a layer before the colour mover's.
    ///   - seed: what the noise of all other heads and of the MLPs is drawn from.
    init(binding: Head = Head(0, 1), asking: Head = Head(0, 2), mover: Head = Head(1, 0), seed: UInt64 = 0) {
        precondition(binding.layer < mover.layer && asking.layer < mover.layer && binding != asking)
        (self.binding, self.asking, self.mover) = (binding, asking, mover)
        parameters = GPT2Parameters(zeros: Self.config)
        parameters.addNoise(0.02, sparing: Stream.constant, seed: seed)
        parameters.setEmbeddings()
        // Colours are loud and all else quiet, so that the logits are those of colours.
        parameters.setGains(Stream.gain) { dimension in
            Stream.colour.contains(dimension) ? 12 : Stream.constant.contains(dimension) ? 0.05 : 0.5
        }
        PlantedHead(clearing: binding, of: parameters).becomePreviousToken(moving: Stream.colour, to: Stream.beside)
        PlantedHead(clearing: asking, of: parameters).becomePreviousToken(moving: Stream.object, to: Stream.sought)
        PlantedHead(clearing: mover, of: parameters).becomeColourMover()
    }
}

/// What each dimension of the residual stream is for.
private enum Stream {
    /// Which colour the token is: its unit vector. At END it is what is said; written by the colour mover.
    static let colour = 0..<6
    /// Which object the token is: its unit vector.
    static let object = 6..<12
    /// The colour of the token before; written by the binding head.
    static let beside = 12..<18
    /// Which object the token before is; written by the asking head.
    static let sought = 18..<24
    /// Which position the token has: its unit vector.
    static let position = 24..<39
    /// Which word the token is, if it is no colour or object: random.
    static let word = 39..<56
    /// Takes the negative of what is written elsewhere, so that rows keep their sum. Nothing reads it.
    static let sink = 56..<62
    /// The large constant, in one dimension positive and in the other negative.
    static let constant = 62..<64

    static let width = 64
    static let size: Float = 8
    /// Undoes what a LayerNorm divides a row by: the root mean square of the constant.
    static let gain = (2 * size * size / Float(width)).squareRoot()
}

extension GPT2Parameters {
    fileprivate func setEmbeddings() {
        for (token, word) in PlantedColourModel.vocabulary.enumerated() {
            let row = tokenTable[token]
            if let colour = PlantedColourModel.colours.firstIndex(of: word) {
                row[Stream.colour.lowerBound + colour] = 1
            } else if let object = PlantedColourModel.objects.firstIndex(of: word) {
                row[Stream.object.lowerBound + object] = 1
            } else {
                fill(Stream.word, of: row, deviation: 0.3, SeededGenerator(0, "word", token))
            }
            row[Stream.constant.lowerBound] = Stream.size
            row[Stream.constant.lowerBound + 1] = -Stream.size
            balance(row, by: Stream.constant)
        }
        for (position, dimension) in Stream.position.enumerated() {
            positionTable[position][dimension] = 1
            balance(positionTable[position], by: Stream.constant)
        }
    }
}

extension PlantedHead {
    /// Scores: the token before 5, else 0.
    fileprivate func becomePreviousToken(moving part: Range<Int>, to target: Range<Int>) {
        addScore(5, matching: Stream.position.dropFirst(), with: Stream.position.dropLast())
        // Less attention than 1 is made up for.
        copy(part, to: target, strength: 1.05, sink: Stream.sink)
    }

    /// Scores at END: the object of the list that is asked for 6.5, the others 4, where it is asked for 2.5, else 0.
    fileprivate func becomeColourMover() {
        addScore(2.5, matching: Stream.sought, with: Stream.object)
        addScore(
            4, dimension: Stream.sought.count, bias: 1,
            key: Dictionary(uniqueKeysWithValues: Stream.beside.map { ($0, 1) })
        )
        copy(Stream.beside, to: Stream.colour, sink: Stream.sink)
    }
}

extension PlantedColourModel {
    /// The first tokens of the vocabulary, then ``objects``.
    static let colours = ["red", "green", "blue", "white", "black", "brown"]
    static let objects = ["lamp", "box", "cup", "hat", "coat", "chair"]
    static let asked = PositionName("ASKED")!

    private static let wordings = [
        "There lay C1 O1 C2 O2 C3 O3 . The ASKED was", "It held C1 O1 , C2 O2 and C3 O3 . Our ASKED was",
        "In here C1 O1 C2 O2 C3 O3 . I think the ASKED is",
    ]
    /// What differs between prompts.
    private static let slots = ["C1", "O1", "C2", "O2", "C3", "O3", "ASKED"]

    /// Token by token, without leading spaces.
    static let vocabulary: [String] = {
        let words = wordings.flatMap { $0.split(separator: " ").map(String.init) }.filter { !slots.contains($0) }
        return (colours + objects + words).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }()

    /// Three templates of 12, 14 and 14 tokens, and of each six prompts: each object of the list is asked for twice,
    /// and the counterfactual asks for each of the two others. Positions are named as in the task `colours`.
    static let prompts: [Prompt] = wordings.enumerated().flatMap { template, wording in
        (0..<6).map { number in
            let words = wording.split(separator: " ").map(String.init)
            let id = template * 6 + number
            let (asked, others) = (number % 3, (0..<3).filter { $0 != number % 3 })
            let listed = [0, 1, 3].map { (id + $0) % objects.count }
            let painted = [0, 2, 3].map { (5 * id + template + $0) % colours.count }
            func filled(asking asked: Int) -> [String] {
                var values = ["ASKED": objects[listed[asked]]]
                for index in 0..<3 {
                    values["C\(index + 1)"] = colours[painted[index]]
                    values["O\(index + 1)"] = objects[listed[index]]
                }
                return words.map { values[$0] ?? $0 }
            }
            func tokens(_ words: [String]) -> [Int] { words.map { vocabulary.firstIndex(of: $0)! } }
            let (text, counterfactual) = (filled(asking: asked), filled(asking: others[number / 3]))
            let places = [
                "ANSWER": "C\(asked + 1)", "OBJECT": "O\(asked + 1)", "OTHER1": "C\(others[0] + 1)",
                "OTHER2": "C\(others[1] + 1)", "ASKED": "ASKED",
            ]
            let named = places.map { (PositionName($0.key)!, words.firstIndex(of: $0.value)!) }
            return Prompt(
                id: id, dataset: "colours", template: "\(template)", group: ["first", "second", "third"][asked],
                text: text.joined(separator: " "), tokens: tokens(text),
                counterfactualText: counterfactual.joined(separator: " "), counterfactualTokens: tokens(counterfactual),
                rightTokens: [painted[asked]], wrongTokens: others.map { painted[$0] },
                answer: " \(colours[painted[asked]])", answerToken: painted[asked],
                positions: Positions(Dictionary(uniqueKeysWithValues: named), count: words.count)
            )
        }
    }
}
