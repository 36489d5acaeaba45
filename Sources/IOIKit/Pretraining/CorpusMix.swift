/// The shares of the kinds of document in a ``Corpus``; they add up to 1.
public struct CorpusMix: Codable, Equatable, Sendable {
    /// IOI sentences with a last name.
    public let ioi: Double
    /// The same with a third person in place of the repeated subject.
    public let threeNames: Double
    /// Lists of words, given twice.
    public let lists: Double
    /// One person thanks another.
    public let thanks: Double
    public let onePerson: Double
    public let noPerson: Double

    /// The last name of an IOI sentence; the remaining sentences end in someone not named before.
    public struct LastName: Codable, Equatable, Sendable {
        public let io: Double
        public let s: Double
    }

    /// The last name where the giver is a third person; the remaining sentences end in someone not named before.
    public struct LastOfThree: Codable, Equatable, Sendable {
        /// Each of the first two people.
        public let eachOfTwo: Double
        public let giver: Double

        enum CodingKeys: String, CodingKey {
            case eachOfTwo = "each_of_two"
            case giver
        }
    }

    public let lastName: LastName
    public let lastOfThree: LastOfThree
    /// The share of documents that begin with `<|endoftext|>`. (All end with it.)
    public let beginningOfText: Double

    enum CodingKeys: String, CodingKey {
        case ioi
        case threeNames = "three_names"
        case lists, thanks
        case onePerson = "one_person"
        case noPerson = "no_person"
        case lastName = "last_name"
        case lastOfThree = "last_of_three"
        case beginningOfText = "bos"
    }

    /// Lists teach heads to find earlier occurrences; the noise in last names determines the logit difference the model
    /// learns.
    static let standard = CorpusMix(
        ioi: 0.55, threeNames: 0.18, lists: 0.12, thanks: 0.06, onePerson: 0.05, noPerson: 0.04,
        lastName: LastName(io: 0.72, s: 0.03), lastOfThree: LastOfThree(eachOfTwo: 0.36, giver: 0.02),
        beginningOfText: 0.5
    )

    /// A kind of document.
    enum Kind: CaseIterable {
        case ioi, threeNames, lists, thanks, onePerson, noPerson
    }

    private func share(of kind: Kind) -> Double {
        switch kind {
        case .ioi: ioi
        case .threeNames: threeNames
        case .lists: lists
        case .thanks: thanks
        case .onePerson: onePerson
        case .noPerson: noPerson
        }
    }

    /// The kind at `place` in [0, 1), divided among the kinds by their shares.
    func kind(at place: Double) -> Kind {
        var end = 0.0
        return Kind.allCases.first { kind in
            end += share(of: kind)
            return place < end
        } ?? .noPerson
    }
}
