import Testing

@testable import GPT2Kit
@testable import IOIKit

/// A GPT-2 whose weights are set by hand, so that the circuit that does the task is known: three heads, one after the
/// other, among heads and MLPs that are noise.
///
/// - The *duplicate-token head*, at S2, attends to the same name's earlier place and writes that name into the
///   `duplicate` part of the stream. Where no name repeats it attends to the first token, which has no name.
/// - The *S-inhibition head*, at END, attends to S2 and moves what stands in `duplicate` there into `inhibited`. It
///   finds S2 by being a name and late, not by what the duplicate-token head wrote: only its value carries that.
/// - The *name mover*, at END, attends to early names, less to the one in `inhibited`, and copies the name it sees into
///   `name`, which is what the unembedding reads.
///
/// So S is inhibited at END and IO is said. On a counterfactual nothing is inhibited, and the name mover attends
/// to its two early names alike. Attention stays soft (S2 to S1 0.8, END to S2 0.5 to 0.7, END to IO 0.7 and to S1
/// 0.1 to 0.2), so that gradients tell of it.
///
/// The residual stream is cut into parts that `Stream` names. Each row has one large constant beside them, so that a
/// LayerNorm divides every row by nearly the same; its gain multiplies by that number again, and what a head reads is
/// nearly the stream itself. Each row of the embeddings sums to zero, so that a LayerNorm subtracts nearly nothing.
struct PlantedModel: CustomTestStringConvertible, Sendable {
    let duplicateToken: Head
    let sInhibition: Head
    let nameMover: Head
    let parameters: GPT2Parameters
    /// The standard deviation of the noise in weight matrices.
    let noise: Double

    static let config = try! GPT2Config(
        vocabularySize: vocabulary.count, contextLength: 16, width: Stream.width, layers: 4, heads: 4, innerWidth: 64
    )

    /// The first, with a quieter name mover, a negative name mover and a backup name mover that listen to the same
    /// S-inhibition head.
    static let withMoreMovers: PlantedModel = {
        let planted = PlantedModel()
        PlantedHead(clearing: quietNameMover, of: planted.parameters).becomeNameMover(strength: 0.2)
        PlantedHead(clearing: backupNameMover, of: planted.parameters).becomeBackupNameMover()
        PlantedHead(clearing: negativeNameMover, of: planted.parameters).becomeNameMover(strength: -0.3)
        return planted
    }()
    static let quietNameMover = Head(3, 0)
    static let backupNameMover = Head(3, 1)
    static let negativeNameMover = Head(3, 2)

    /// The planted heads in early layers and in late ones, with other noise, and with less of it.
    static let all = [
        PlantedModel(),
        PlantedModel(duplicateToken: Head(1, 1), sInhibition: Head(2, 3), nameMover: Head(3, 0), seed: 1),
        PlantedModel(duplicateToken: Head(0, 0), sInhibition: Head(2, 1), nameMover: Head(3, 3), noise: 0.01, seed: 2),
    ]

    var config: GPT2Config { parameters.config }
    /// In the order in which they work.
    var heads: [Head] { [duplicateToken, sInhibition, nameMover] }
    /// All heads but the planted ones, ascending.
    var noiseHeads: [Head] { config.allHeads.filter { !heads.contains($0) } }
    var circuit: Circuit {
        try! Circuit(
            model: "planted",
            classes: [
                HeadClass(name: "name mover", heads: [nameMover], position: .one(.end)),
                HeadClass(name: "S-inhibition", heads: [sInhibition], position: .one(.end)),
                HeadClass(name: "duplicate token", heads: [duplicateToken], position: .one(.s2)),
            ]
        )
    }
    var testDescription: String { "planted \(heads.map(\.description).joined(separator: ", ")), noise \(noise)" }

    /// - Parameters:
    ///   - duplicateToken: in a layer before the S-inhibition head's.
    ///   - sInhibition: in a layer before the name mover's.
    ///   - noise: the standard deviation of all weight matrices but the embeddings, outside the planted heads; biases
    ///     have a sixth of it. Beyond 0.04 the noise begins to count.
    ///   - seed: what the noise is drawn from.
    init(
        duplicateToken: Head = Head(0, 2),
        sInhibition: Head = Head(1, 0),
        nameMover: Head = Head(2, 3),
        noise: Double = 0.03,
        seed: UInt64 = 0
    ) {
        precondition(duplicateToken.layer < sInhibition.layer && sInhibition.layer < nameMover.layer)
        self.duplicateToken = duplicateToken
        self.sInhibition = sInhibition
        self.nameMover = nameMover
        self.noise = noise
        parameters = GPT2Parameters(zeros: Self.config)
        parameters.addNoise(noise, sparing: Stream.constant, seed: seed)
        parameters.setEmbeddings()
        // Names are loud and all else quiet, so that the logits are those of names.
        parameters.setGains(Stream.gain) { dimension in
            Stream.name.contains(dimension) ? 8 : Stream.constant.contains(dimension) ? 0.05 : 0.5
        }
        PlantedHead(clearing: duplicateToken, of: parameters).becomeDuplicateToken()
        PlantedHead(clearing: sInhibition, of: parameters).becomeSInhibition()
        PlantedHead(clearing: nameMover, of: parameters).becomeNameMover()
    }
}

/// What each dimension of the residual stream is for.
private enum Stream {
    /// Which name the token is: that name's unit vector less the mean of all names'. At END it is what the name mover
    /// says.
    static let name = 0..<8
    /// Which name the token repeats, as in `name`; written by the duplicate-token head.
    static let duplicate = 8..<16
    /// Which name not to say, as in `name`; written by the S-inhibition head.
    static let inhibited = 16..<24
    /// 1 for a name.
    static let isName = 24
    /// 1 for the last word of every prompt.
    static let isEnd = 25
    /// 1 where S2 can stand and after, -1 before: where IO and S1 can stand.
    static let isLate = 26
    /// 1 for the first token, where attention that has nothing to look for goes.
    static let isFirst = 27
    /// Which word the token is, if it is no name: random.
    static let word = 28..<38
    /// Which position the token has: random.
    static let position = 38..<46
    /// The large constant, in one dimension positive and in the other negative.
    static let constant = 46..<48

    static let width = 48
    static let size: Float = 6
    /// Undoes what a LayerNorm divides a row by: the root mean square of the constant.
    static let gain = (2 * size * size / Float(width)).squareRoot()
    /// The first position that is late.
    static let firstLate = 6
}

extension GPT2Parameters {
    fileprivate func setEmbeddings() {
        let names = PlantedModel.names.count
        for token in PlantedModel.vocabulary.indices {
            let row = tokenTable[token]
            if token < names {
                for dimension in Stream.name { row[dimension] = -1 / Float(names) }
                row[Stream.name.lowerBound + token] += 1
                row[Stream.isName] = 1
            } else {
                fill(Stream.word, of: row, deviation: 0.3, SeededGenerator(0, "word", token))
            }
            row[Stream.isEnd] = token == PlantedModel.end ? 1 : 0
            row[Stream.constant.lowerBound] = Stream.size
            row[Stream.constant.lowerBound + 1] = -Stream.size
            balance(row, by: Stream.constant)
        }
        for position in 0..<config.contextLength {
            let row = positionTable[position]
            row[Stream.isLate] = position < Stream.firstLate ? -1 : 1
            row[Stream.isFirst] = position == 0 ? 1 : 0
            fill(Stream.position, of: row, deviation: 0.1, SeededGenerator(0, "position", position))
            balance(row, by: Stream.constant)
        }
    }
}

extension PlantedHead {
    /// Scores at S2: S1 6.4, the first token 4, what else is early 2 or less, S2 itself 2.4. At other places the first
    /// token leads.
    fileprivate func becomeDuplicateToken() {
        addScore(5, matching: Stream.name, with: Stream.name)
        // Early tokens, but not the first, for a late name; the other way about for an early one.
        addScore(
            2, dimension: 8, query: [Stream.isName: 1, Stream.isLate: 1], bias: -1,
            key: [Stream.isLate: -1, Stream.isFirst: -1]
        )
        addScore(4, dimension: 9, bias: 1, key: [Stream.isFirst: 1])
        copy(Stream.name, to: Stream.duplicate)
    }

    /// Scores at END: S2 4, early names 1, late words 1.5, early words -1.5.
    fileprivate func becomeSInhibition() {
        addScore(1, dimension: 8, query: [Stream.isEnd: 1], key: [Stream.isName: 2.5, Stream.isLate: 1.5])
        addScore(1, dimension: 9, bias: 1, key: [Stream.isFirst: 1])
        copy(Stream.duplicate, to: Stream.inhibited)
    }

    /// Scores at END: early names 5, S2 3, both less where inhibited; early words 1, late words -1, the first token 2.5.
    fileprivate func becomeNameMover(strength: Float = 1) {
        addScore(-3.5, matching: Stream.inhibited, with: Stream.name)
        addScore(1, dimension: 8, query: [Stream.isEnd: 1], key: [Stream.isName: 4, Stream.isLate: -1])
        addScore(1.5, dimension: 9, bias: 1, key: [Stream.isFirst: 1])
        copy(Stream.name, to: Stream.name, strength: strength)
    }

    /// As the name mover, but less for the name that was said already, so that where the name mover has said IO, IO and S
    /// are attended to alike and nothing is said.
    fileprivate func becomeBackupNameMover() {
        becomeNameMover(strength: 0.3)
        for (index, dimension) in Stream.name.enumerated() {
            query[dimension][index] = -3 * Float(headWidth).squareRoot()
        }
    }
}
