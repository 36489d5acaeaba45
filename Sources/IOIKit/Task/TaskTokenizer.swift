extension BPETokenizer {
    /// A small tokenizer in which every word of these sentences, and every name, place and object after a space, is one
    /// token.
    ///
    /// - Parameter texts: others whose words are covered as well.
    public static func covering(
        _ templates: TemplateSet,
        _ names: NameList,
        and texts: [String] = []
    ) throws -> BPETokenizer {
        let words = (names.names + templates.places + templates.objects).map { " \($0)" }
        let sentences = templates.templates.map {
            $0.filled(
                order: .baba, io: names.names[0], s: names.names[1], place: templates.places[0],
                object: templates.objects[0]
            )
        }
        return try covering(texts: sentences + words + texts)
    }
}
