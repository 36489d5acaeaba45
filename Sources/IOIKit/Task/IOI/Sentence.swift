/// The people of an IOI sentence that ends in its answer, told by the structure of the sentence: two names first, then one
/// of them again or a third name (S2), and the answer as the last word.
///
/// No list of names is needed. A capitalised word is a name unless it merely begins a sentence, as in "Then, Mary and
/// John …" or "Afterwards Tom …".
struct Sentence {
    /// What is wrong with a sentence: what was found and what was expected.
    struct Fault: Error {
        let problem: String
    }

    /// The words between single spaces, with their punctuation. The last one is the answer.
    private let words: [Substring]
    /// The indices of the words that are IO, S1 and S2.
    let positions: (io: Int, s1: Int, s2: Int)
    /// The names, without leading spaces.
    let answer, io, s, s2: String
    /// Which dataset's rule the sentence follows.
    let rule: DatasetRule

    /// The sentence up to the space before the answer.
    var text: String { prefix(words.count - 1) }

    /// The first `count` words.
    func prefix(_ count: Int) -> String { words[..<count].joined(separator: " ") }

    /// - Parameter line: without a line break.
    /// - Throws: ``Fault`` if the people cannot be told.
    init(_ line: String) throws {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        let mentions = Self.mentions(in: words)
        guard let last = mentions.last, last.word == words.count - 1, last.name == words[last.word] else {
            let end = String(words.last ?? "").quoted
            throw Fault(problem: "found \(end) as the last word, expected the answer, a name")
        }
        try self.init(words, mentions, answer: last.name)
    }

    /// A sentence without its answer, which is taken to be IO.
    ///
    /// - Parameter prompt: up to the answer's space.
    /// - Throws: ``Fault`` if the people cannot be told.
    init(prompt: String) throws {
        // An empty word stands for the answer.
        let words = (prompt + " ").split(separator: " ", omittingEmptySubsequences: false)
        try self.init(words, Self.mentions(in: words), answer: nil)
    }

    /// - Parameter answer: the last of the mentions; nil if they are of a prompt alone.
    private init(_ words: [Substring], _ mentions: [Mention], answer: String?) throws {
        self.words = words
        let others = answer == nil ? mentions[...] : mentions.dropLast()
        let pair = try Self.pair(words, others)
        let later = others.filter { $0.word > pair.second.word }
        let s2 = try Self.subject(words, later, after: pair, besides: mentions)
        let isRepeated = s2.name == pair.first.name || s2.name == pair.second.name
        guard isRepeated || answer != nil else {
            throw Fault(
                problem:
                    "found \(s2.name) after \(pair.first.name) and \(pair.second.name), expected one of these two again"
            )
        }
        let answer = answer ?? (s2.name == pair.first.name ? pair.second.name : pair.first.name)
        if isRepeated, answer != pair.first.name, answer != pair.second.name,
            others.contains(where: { $0.name == answer })
        {
            throw Fault(
                problem: "found the answer \(answer.quoted), which stands earlier in the sentence, expected "
                    + "\(pair.first.name), \(pair.second.name) or a name that does not"
            )
        }
        // Where nothing repeats, only the answer tells IO from S.
        let firstIsIO = isRepeated ? s2.name == pair.second.name : answer == pair.first.name
        let (io, s1) = firstIsIO ? (pair.first, pair.second) : (pair.second, pair.first)
        guard isRepeated || answer == io.name else {
            throw Fault(
                problem: "found the answer \(answer.quoted), expected \(pair.first.name) or \(pair.second.name), since "
                    + "neither is named again"
            )
        }
        let label: DatasetRule.Person = answer == io.name ? .io : answer == s1.name ? .s : .third
        rule = DatasetRule.all.first { $0.atS2 == (isRepeated ? .s : .third) && $0.label == label }!
        (self.answer, self.io, s, self.s2) = (answer, io.name, s1.name, s2.name)
        positions = (io.word, s1.word, s2.word)
    }

    /// The prompt with slots for its names and for each word after an article: prompts of the same template differ only in
    /// these. As in ``Template``, the first two names are [S] and [IO] in either order.
    var template: String {
        let first = min(positions.io, positions.s1)
        let second = max(positions.io, positions.s1)
        return words.dropLast().enumerated().map { index, word in
            let name = Self.letters(word)
            let slot =
                switch (index, String(name)) {
                case (first, _): "[S]"
                case (second, _): "[IO]"
                case (positions.s2, _), (_, s): "[S]"
                case (_, io): "[IO]"
                case (1..., _) where ["a", "an", "the"].contains(words[index - 1]): "[X]"
                default: String(name)
                }
            return slot + word.dropFirst(name.count)
        }.joined(separator: " ")
    }
}

extension Sentence {
    /// A capitalised word.
    private struct Mention {
        let name: String
        /// The index of the word.
        let word: Int
        /// The number of the sentence in the line.
        let sentence: Int
        let beginsSentence: Bool
    }

    private static func letters(_ word: Substring) -> Substring { word.prefix(while: \.isLetter) }

    private static func mentions(in words: [Substring]) -> [Mention] {
        var sentence = 0
        var isBeginning = true
        return words.indices.compactMap { index in
            defer {
                isBeginning = words[index].last.map { ".!?".contains($0) } ?? isBeginning
                if isBeginning { sentence += 1 }
            }
            let name = letters(words[index])
            guard name.first?.isUppercase == true, name.dropFirst().first?.isLowercase == true else { return nil }
            return Mention(name: String(name), word: index, sentence: sentence, beginsSentence: isBeginning)
        }
    }

    /// The first two names: those joined by "and", else the first two inside a sentence.
    private static func pair(_ words: [Substring], _ mentions: ArraySlice<Mention>) throws -> (
        first: Mention, second: Mention
    ) {
        let joined = zip(mentions, mentions.dropFirst()).first { first, second in
            second.word == first.word + 2 && words[first.word + 1] == "and" && first.name == words[first.word]
        }
        let inside = mentions.filter { !$0.beginsSentence }
        guard let pair = joined ?? (inside.count < 2 ? nil : (inside[0], inside[1])) else {
            throw Fault(
                problem: "found \(list(inside.map(\.name))) before the answer, expected two names and then one of them "
                    + "again or a third"
            )
        }
        guard pair.0.word > 0 else {
            throw Fault(
                problem: "found the name \(pair.0.name) at the beginning, expected each name after a space, as in "
                    + "\"Then, \(pair.0.name) …\""
            )
        }
        guard pair.0.name != pair.1.name else {
            throw Fault(problem: "found \(pair.0.name) twice, expected two different names first")
        }
        return pair
    }

    /// The name at S2.
    private static func subject(
        _ words: [Substring],
        _ later: [Mention],
        after pair: (first: Mention, second: Mention),
        besides all: [Mention]
    ) throws -> Mention {
        let (first, second) = (pair.first.name, pair.second.name)
        let repeats = later.filter { $0.name == first || $0.name == second }
        if let s2 = repeats.first {
            guard repeats.allSatisfy({ $0.name == s2.name }) else {
                throw Fault(problem: "found both \(first) and \(second) again before the answer, expected one of them")
            }
            return s2
        }
        // "Afterwards Tom …" and "In the end, Tom …" name Tom alone.
        let thirds = later.filter { mention in
            !mention.beginsSentence
                || !later.contains {
                    $0.sentence == mention.sentence && $0.word > mention.word
                        && ($0.word == mention.word + 1 || words[mention.word..<$0.word].contains { $0.last == "," })
                }
        }
        guard thirds.count == 1, !all.contains(where: { $0.name == thirds[0].name && $0.word < pair.first.word }) else {
            throw Fault(
                problem: "found \(list(thirds.map(\.name))) after \(first) and \(second), expected one of these two "
                    + "again or one third name"
            )
        }
        return thirds[0]
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "no name" : names.joined(separator: ", ")
    }
}
