import ArgumentParser
import IOIKit

/// Whether a text begins like a document.
struct BeginningOptions: ParsableArguments {
    @Flag(help: "Put <|endoftext|> before the text.")
    var bos = false
}

extension TextInput {
    /// The text of an argument.
    ///
    /// - Parameters:
    ///   - argument: the text, or - for standard input.
    ///   - bos: whether `<|endoftext|>` comes before it.
    /// - Throws: `IOIError` if standard input cannot be read.
    init(argument: String, bos: Bool) throws {
        self.init(argument == "-" ? try Self.standardInput() : argument, beginningOfText: bos)
    }

    /// The words of a command on the same text.
    var words: String { text.shellWord + (beginningOfText ? " --bos" : "") }

    /// For the help of commands that take a text.
    static let argumentHelp = ArgumentHelp(
        "A text, or - for standard input; after -- if it begins with a dash.", valueName: "text")
}

extension [TextToken] {
    /// The tokens in quotes, each with its id, in lines.
    func lines(width: Int) -> [String] {
        map { "\($0.text.quoted) \($0.id)" }.lines(width: width, separator: ",")
    }
}
