import Testing

@testable import GPT2Kit
@testable import IOIKit

/// A GPT-2 whose weights are set by hand, so that its circuit for Greater-Than is known: two MLPs and two heads, one after
/// the other, among heads and MLPs that are noise.
///
/// - The *reading MLP*, at YEAR, writes the number that stands there into the `read` part of the stream.
/// - The *first carrier*, a head at AND, attends to the number and moves `read` into `moved`.
/// - The *second carrier*, a head at END, attends to AND and moves `moved` into `carried`.
/// - The *boosting MLP*, at END, has a neuron for each number, which is on if the carried number is below it and writes
///   that number into `number`, which is what the unembedding reads.
///
/// So after a prompt all larger numbers are likely, and alike. The heads find their places by what words stand there, so
/// that only values carry the number. Attention stays soft (0.7 to 0.85), and no neuron that is on saturates, so that
/// gradients tell of it.
///
/// The rows of the embeddings are as in ``PlantedModel``: a large constant, and a sum of zero.
struct PlantedNumberModel: CustomTestStringConvertible, Sendable {
    let readingMLP: Int
    let firstCarrier: Head
    let secondCarrier: Head
    let boostingMLP: Int
    let parameters: GPT2Parameters
    /// The standard deviation of the noise in weight matrices.
    let noise: Double

    static let config = try! GPT2Config(
        vocabularySize: vocabulary.count, contextLength: 16, width: Stream.width, layers: 4, heads: 4, innerWidth: 64
    )

    /// With the circuit spread over the layers, in early layers and in late ones, with other noise.
    static let all = [
        PlantedNumberModel(),
        PlantedNumberModel(
            firstCarrier: Head(1, 3), secondCarrier: Head(2, 0), boostingMLP: 2, noise: 0.01, seed: 1),
        PlantedNumberModel(
            readingMLP: 1, firstCarrier: Head(2, 1), secondCarrier: Head(3, 3), boostingMLP: 3, seed: 2),
    ]

    var config: GPT2Config { parameters.config }
    /// In the order in which they work, each with its position.
    var senders: [(sender: PathPatching.Sender, position: PositionName)] {
        [
            (.mlp(readingMLP), Self.year), (.head(firstCarrier), Self.and), (.head(secondCarrier), .end),
            (.mlp(boostingMLP), .end),
        ]
    }
    /// All heads but the planted ones, ascending.
    var noiseHeads: [Head] { config.allHeads.filter { $0 != firstCarrier && $0 != secondCarrier } }
    /// All MLPs but the planted ones, ascending.
    var noiseMLPs: [Int] { (0..<config.layers).filter { $0 != readingMLP && $0 != boostingMLP } }
    var testDescription: String {
        "planted m\(readingMLP), \(firstCarrier), \(secondCarrier), m\(boostingMLP), noise \(noise)"
    }

    /// - Parameters:
    ///   - readingMLP: in a layer before the first carrier's.
    ///   - firstCarrier: in a layer before the second carrier's.
    ///   - boostingMLP: in the second carrier's layer or after it.
    ///   - noise: the standard deviation of all weight matrices but the embeddings, outside the planted heads and MLPs;
    ///     biases have a sixth of it.
    ///   - seed: what the noise is drawn from.
    init(
        readingMLP: Int = 0,
        firstCarrier: Head = Head(1, 2),
        secondCarrier: Head = Head(2, 1),
        boostingMLP: Int = 3,
        noise: Double = 0.02,
        seed: UInt64 = 0
    ) {
        precondition(readingMLP < firstCarrier.layer && firstCarrier.layer < secondCarrier.layer)
        precondition(secondCarrier.layer <= boostingMLP)
        (self.readingMLP, self.boostingMLP) = (readingMLP, boostingMLP)
        (self.firstCarrier, self.secondCarrier) = (firstCarrier, secondCarrier)
        self.noise = noise
        parameters = GPT2Parameters(zeros: Self.config)
        parameters.addNoise(noise, sparing: Stream.constant, seed: seed)
        parameters.setEmbeddings()
        // Numbers are loud and all else quiet, so that the logits are those of numbers.
        parameters.setGains(Stream.gain) { dimension in
            Stream.number.contains(dimension) ? 18 : Stream.constant.contains(dimension) ? 0.05 : 0.5
        }
        PlantedMLP(clearing: readingMLP, of: parameters).becomeReader()
        PlantedHead(clearing: firstCarrier, of: parameters).becomeCarrier(
            at: Stream.isAnd, from: Stream.isNumber, first: Stream.isFirst, moving: Stream.read, to: Stream.moved,
            sink: Stream.sink
        )
        PlantedHead(clearing: secondCarrier, of: parameters).becomeCarrier(
            at: Stream.isEnd, from: Stream.isAnd, first: Stream.isFirst, moving: Stream.moved, to: Stream.carried,
            sink: Stream.sink
        )
        PlantedMLP(clearing: boostingMLP, of: parameters).becomeBooster()
    }
}

/// What each dimension of the residual stream is for.
private enum Stream {
    /// Which number the token is: its unit vector. At END it is which numbers are said.
    static let number = 0..<10
    /// The number that stands here, as in `number`; written by the reading MLP.
    static let read = 10..<20
    /// The number that stands before; written by the first carrier.
    static let moved = 20..<30
    /// The number of the prompt; written by the second carrier.
    static let carried = 30..<40
    /// 1 for a number.
    static let isNumber = 40
    /// 1 for the word after the number.
    static let isAnd = 41
    /// 1 for the last word of every prompt.
    static let isEnd = 42
    /// 1 for the first token, where attention that has nothing to look for goes.
    static let isFirst = 43
    /// Which word the token is, if it is no number: random.
    static let word = 44..<52
    /// Which position the token has: random.
    static let position = 52..<58
    /// Takes the negative of what is written elsewhere, so that rows keep their sum. Nothing reads it.
    static let sink = 58..<62
    /// The large constant, in one dimension positive and in the other negative.
    static let constant = 62..<64

    static let width = 64
    static let size: Float = 8
    /// Undoes what a LayerNorm divides a row by: the root mean square of the constant.
    static let gain = (2 * size * size / Float(width)).squareRoot()
}

extension GPT2Parameters {
    fileprivate func setEmbeddings() {
        for token in PlantedNumberModel.vocabulary.indices {
            let row = tokenTable[token]
            if token < PlantedNumberModel.numbers {
                row[Stream.number.lowerBound + token] = 1
                row[Stream.isNumber] = 1
            } else {
                fill(Stream.word, of: row, deviation: 0.3, SeededGenerator(0, "word", token))
            }
            row[Stream.isAnd] = PlantedNumberModel.vocabulary[token] == "and" ? 1 : 0
            row[Stream.isEnd] = PlantedNumberModel.vocabulary[token] == "to" ? 1 : 0
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

extension PlantedMLP {
    /// A neuron for each number, with 3 before its GELU where this number stands and -3 elsewhere.
    fileprivate func becomeReader() {
        for (neuron, (from, to)) in zip(Stream.number, Stream.read).enumerated() {
            set(neuron, reading: [from: 6], bias: -3, writing: Self.writing(to, 1 / 3, sink: Stream.sink))
        }
    }

    /// A neuron for each number, with 8 before its GELU if the carried number is below it, else 0. It adds 0.6 to a
    /// number that is above, of which the final LayerNorm makes a logit of 7 to 8.
    fileprivate func becomeBooster() {
        for (neuron, to) in Stream.number.enumerated() {
            let below = Stream.carried.prefix(neuron).map { ($0, Float(8)) }
            set(
                neuron, reading: Dictionary(uniqueKeysWithValues: below),
                writing: Self.writing(to, 0.6 / 8, sink: Stream.sink))
        }
    }
}
