/// The sentences of a ``Corpus`` beside those of the task, with slots for people `[A]` and `[B]`, a place and an object.
/// None begins with a slot, whose word would have no space before it.
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

    /// What stands before a list, and before it comes again.
    static let list = (first: "Once:", again: " Again:")

    static let all = thanks + onePerson + noPerson + [list.first + list.again]

    /// A sentence with its slots filled.
    static func fill(_ sentence: String, a: String, b: String, place: String, object: String) -> String {
        sentence.replacing("[A]", with: a).replacing("[B]", with: b).replacing("[PLACE]", with: place)
            .replacing("[OBJECT]", with: object)
    }
}
