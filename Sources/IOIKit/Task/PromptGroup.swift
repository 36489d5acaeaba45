/// Prompts that differ only in their words: of one template, structure (``Prompt/structure``) and length.
struct PromptGroup: Hashable {
    let template: String
    let structure: String
    let length: Int

    init(_ prompt: Prompt) {
        template = prompt.template
        structure = prompt.structure
        length = prompt.tokens.count
    }
}
