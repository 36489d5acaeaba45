import Testing

@testable import GPT2Kit
@testable import IOIKit

/// A random model of some shape with two donors for it. All have biases and LayerNorm gains that are not the trivial
/// ones, so that an omitted one shows.
struct PatchingFixture: CustomTestStringConvertible, Sendable {
    let parameters: GPT2Parameters
    /// Of the same shape and otherwise unrelated.
    let donor: GPT2Parameters
    /// The model moved by a little, as fine-tuning does.
    let neighbour: GPT2Parameters

    var config: GPT2Config { parameters.config }
    var testDescription: String {
        "\(config.layers) layers, \(config.heads) heads of \(config.headWidth), \(config.activation.rawValue)"
    }

    /// Heads whose width is and is not a multiple of the SIMD width, in two, three and four layers, one
    /// with the exact activation and attention scaled by layer. With these seeds no prompt's logit difference is nearly zero.
    static let all = [
        PatchingFixture(layers: 2, heads: 2, headWidth: 8, innerWidth: 64, seed: 56),
        PatchingFixture(layers: 3, heads: 3, headWidth: 6, innerWidth: 41, seed: 45),
        PatchingFixture(layers: 4, heads: 4, headWidth: 5, innerWidth: 29, seed: 70),
        PatchingFixture(layers: 3, heads: 2, headWidth: 11, innerWidth: 37, seed: 155, isExactAndScaled: true),
    ]

    private init(
        layers: Int, heads: Int, headWidth: Int, innerWidth: Int, seed: UInt64, isExactAndScaled: Bool = false
    ) {
        let config = try! GPT2Config(
            vocabularySize: 61, contextLength: 16, width: heads * headWidth, layers: layers, heads: heads,
            innerWidth: innerWidth, activation: isExactAndScaled ? .exact : .tanh,
            scalesAttentionByLayer: isExactAndScaled
        )
        let workers = Workers(count: 1)
        func random(_ seed: UInt64) -> GPT2Parameters {
            let parameters = GPT2Parameters(random: config, seed: seed, deviation: 0.3, workers: workers)
            parameters.add(deviation: 0.1, seed: seed) { !$0.isMatrix }
            return parameters
        }
        parameters = random(seed)
        donor = random(seed + 100)
        neighbour = GPT2Parameters(copying: parameters, workers: workers)
        neighbour.add(deviation: 0.03, seed: seed + 200) { _ in true }
    }

    static let prompts = ioiPrompts.map(Prompt.init)

    /// Three templates of 11, 7 and 15 tokens, the first in both orders. In "short" the token after S1 is IO, and S1 is
    /// the first token. The first two prompts begin alike, as do each template's; "long" goes on from a "short" one.
    static let ioiPrompts: [IOIPrompt] = {
        let (a, b, c, d, e, f, g, h) = (1, 2, 3, 4, 5, 6, 7, 8)
        let rows: [(Wording, io: Int, s: Int, object: Int, abc: [Int])] = [
            (.abba, a, b, 30, [c, d, e]),
            (.abba, a, b, 31, [f, g, h]),
            (.abba, d, c, 32, [h, b, a]),
            (.baba, a, b, 33, [e, d, c]),
            (.baba, g, e, 31, [a, f, b]),
            (.short, h, c, 34, [b, e, g]),
            (.short, f, h, 30, [d, a, c]),
            (.long, h, g, 35, [c, e, f]),
        ]
        return rows.enumerated().map { id, row in
            row.0.prompt(id: id, io: row.io, s: row.s, object: row.object, abc: row.abc)
        }
    }()
}

/// The words of a template, as tokens.
private struct Wording {
    let template: String
    let order: NameOrder
    /// -1 stands for the object, any number where a name stands.
    let words: [Int]
    let positions: Positions

    static let abba = Wording(
        template: "plain", order: .abba, words: [20, 21, 0, 22, 0, 23, 24, 25, 0, -1, 60],
        positions: Positions(io: 2, s1: 4, s1Next: 5, s2: 8, end: 10)
    )
    static let baba = Wording(
        template: "plain", order: .baba, words: [20, 21, 0, 22, 0, 23, 24, 25, 0, -1, 60],
        positions: Positions(io: 4, s1: 2, s1Next: 3, s2: 8, end: 10)
    )
    static let short = Wording(
        template: "short", order: .baba, words: [0, 0, 40, 41, 0, -1, 60],
        positions: Positions(io: 1, s1: 0, s1Next: 1, s2: 4, end: 6)
    )
    /// Begins with the whole of the first "short" prompt.
    static let long = Wording(
        template: "long", order: .abba, words: [3, 8, 40, 41, 3, 34, 60, 0, 50, 0, 51, 0, 52, -1, 60],
        positions: Positions(io: 7, s1: 9, s1Next: 10, s2: 11, end: 14)
    )

    /// - Parameter abc: the names that the counterfactual input has for IO, S1 and S2.
    func prompt(id: Int, io: Int, s: Int, object: Int, abc: [Int]) -> IOIPrompt {
        func tokens(io: Int, s1: Int, s2: Int) -> [Int] {
            var tokens = words.map { $0 < 0 ? object : $0 }
            tokens[positions.io] = io
            tokens[positions.s1] = s1
            tokens[positions.s2] = s2
            return tokens
        }
        return IOIPrompt(
            id: id, dataset: "clean", template: template, order: order, text: "prompt \(id)",
            tokens: tokens(io: io, s1: s, s2: s), answer: " \(io)", answerToken: io, io: " \(io)", ioToken: io,
            s: " \(s)", sToken: s, place: nil, object: nil, positions: positions, abcText: "partner \(id)",
            abcTokens: tokens(io: abc[0], s1: abc[1], s2: abc[2])
        )
    }
}

extension GPT2Parameters {
    /// Adds normal noise to some of the tensors.
    fileprivate func add(deviation: Double, seed: UInt64, to isChosen: (Entry) -> Bool) {
        for (entry, view) in zip(entries, views) where isChosen(entry) {
            var generator = SeededGenerator(seed, "noise \(entry.name)")
            for i in 0..<entry.count { view.base[i] += Float(generator.normal() * deviation) }
        }
    }
}
