import ArgumentParser
import Foundation
import IOIKit

/// Rewords what ArgumentParser says of a wrong command line: the flag, what was found, what was expected, and the nearest
/// name if there is one.
struct WrongUsage {
    let description: String

    /// - Parameters:
    ///   - message: ArgumentParser's.
    ///   - arguments: those of the program.
    init(_ message: String, of root: any ParsableCommand.Type, arguments: [String]) {
        let command = Command(root, arguments)
        description =
            command.unknownSubcommand ?? Self.reworded(message, of: command, arguments)
            // One line, whatever it says.
            ?? IOIError(message).description
    }

    private static func reworded(_ message: String, of command: Command, _ arguments: [String]) -> String? {
        if let match = message.firstMatch(of: /^The value '(?s:(.*))' is invalid for '(.+?)'(?s:(.*))$/) {
            let (value, name, rest) = (String(match.1), flag(match.2), String(match.3))
            // What a transform throws.
            if rest.hasPrefix(": ") { return "\(name)\(rest)" }
            return "\(name): \(problem(value, choices: command.choices(of: name)))"
        }
        if let match = message.firstMatch(of: /^Unknown option '([^']+)'/) {
            let name = String(match.1)
            let dashless = String(name.drop { $0 == "-" })
            if let near = dashless.nearest(in: command.flags.map { String($0.dropFirst(2)) }) {
                return "\(name): not a flag of \(command.name); did you mean --\(near)?"
            }
            return "\(name): not a flag of \(command.name), whose flags \(command.name) --help lists"
        }
        if let match = message.firstMatch(of: /^Missing value for '(.+)'$/) {
            let name = flag(match.1)
            let next = arguments.firstIndex(of: name).map { arguments.dropFirst($0 + 1) }?.first
            if let next, Double(next) != nil { return "\(name): found \(next), expected a number of 0 or more" }
            return "\(name): found no value, expected \(command.expected(of: name))"
        }
        if let match = message.firstMatch(of: /^Missing expected argument '(.+)'$/) {
            let name = flag(match.1)
            return "\(name): missing, expected \(command.expected(of: name))"
        }
        if let match = message.firstMatch(of: /^(?:Unexpected argument|\d+ unexpected arguments:) '(.*?)'(?:, '.*)?$/) {
            return "found the argument \(String(match.1).quoted), which \(command.name) does not take"
        }
        if let match = message.firstMatch(of: /^The option '(.+)' does not take any value, but '(.*)' was specified/) {
            return "\(match.1): found \(String(match.2).quoted), expected no value"
        }
        return nil
    }

    /// The flag of "--flag <value>"; an argument without flag as it is.
    private static func flag(_ synopsis: Substring) -> String {
        String(synopsis.hasPrefix("-") ? synopsis.prefix { $0 != " " } : synopsis)
    }

    private static func problem(_ value: String, choices: [String]) -> String {
        guard choices.isEmpty else {
            // Of a list, the first item that is none of the choices.
            let item =
                value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                .first { !choices.contains($0) } ?? value
            return "found \(item.quoted), expected \(choices.oneOf)\(item.suggestion(from: choices))"
        }
        let item =
            value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            .first { Int($0) == nil } ?? value
        switch (Int(item), Double(item)) {
        case (let number?, _) where number < 0: return "found \(item), expected a number of 0 or more"
        case (nil, _?): return "found \(item), expected a whole number"
        default: return "found \(item.quoted), expected a number"
        }
    }

    /// The command that the arguments name, and what it takes.
    private struct Command {
        let name: String
        /// What is wrong with the word that should name a subcommand.
        let unknownSubcommand: String?
        private let options: [Option]

        private struct Tool: Decodable {
            struct Command: Decodable { let arguments: [Option]? }
            let command: Command
        }

        private struct Option: Decodable {
            struct Name: Decodable { let kind, name: String }
            let names: [Name]?
            let abstract, valueName: String?
            let allValues: [String]?

            var flags: [String] { (names ?? []).filter { $0.kind == "long" }.map { "--\($0.name)" } }
        }

        init(_ root: any ParsableCommand.Type, _ arguments: [String]) {
            var type = root
            var path = [root.configuration.commandName ?? ""]
            var problem: String?
            for word in arguments where !type.configuration.subcommands.isEmpty && !word.hasPrefix("-") {
                let children = type.configuration.subcommands
                let names = children.compactMap { $0.configuration.commandName }
                guard let index = names.firstIndex(of: word) else {
                    let place = path.dropFirst().map { "\($0): " }.joined()
                    problem =
                        "\(place)found the command \(word.quoted), expected \(names.oneOf)"
                        + word.suggestion(from: names)
                    break
                }
                type = children[index]
                path.append(word)
            }
            (name, unknownSubcommand) = (path.joined(separator: " "), problem)
            options = (try? JSONDecoder().decode(Tool.self, from: Data(type._dumpHelp().utf8)))?.command.arguments ?? []
        }

        var flags: [String] { options.flatMap(\.flags) }

        func choices(of flag: String) -> [String] { option(flag)?.allValues ?? [] }

        /// What a flag or an argument takes.
        func expected(of flag: String) -> String {
            let choices = choices(of: flag)
            guard choices.isEmpty else { return choices.oneOf }
            guard let option = option(flag) else { return "a value" }
            let abstract = option.abstract ?? ""
            return flag.hasPrefix("-")
                ? "<\(option.valueName ?? "value")>"
                : abstract.prefix(1).lowercased() + abstract.dropFirst().prefix { $0 != "." }
        }

        /// The option with this flag, or the argument with this synopsis.
        private func option(_ flag: String) -> Option? {
            options.first { option in
                option.flags.contains(flag) || option.valueName.map { flag.hasPrefix("<\($0)>") } == true
            }
        }
    }
}

extension [String] {
    fileprivate var oneOf: String { "one of \(joined(separator: ", "))" }
}

extension String {
    fileprivate func suggestion(from choices: [String]) -> String {
        nearest(in: choices).map { "; did you mean \($0)?" } ?? ""
    }

    /// The choice that one or two typing mistakes turned into this; nil if none is so near.
    fileprivate func nearest(in choices: [String]) -> String? {
        let near = choices.map { (choice: $0, distance: distance(to: $0)) }
            .filter { $0.distance <= 2 && 2 * $0.distance < count }
        return near.min { $0.distance < $1.distance }?.choice
    }
}
