extension BPETokenizer {
    /// The token that `--bos` puts before a prompt: GPT-2 has one token for the end of a text and the
    /// beginning of the next.
    ///
    /// - Throws: ``IOIError`` of kind `usage` where the tokenizer has none.
    func beginningOfText() throws -> Int {
        guard let endOfText else {
            throw IOIError.usage("--bos: the model's tokenizer has no <|endoftext|>; expected one that has")
        }
        return endOfText
    }
}
