import Foundation
import TestSupport
import Testing

/// How the command line speaks: errors in one line with the nearest name, help in titled sections, completion.
@Suite struct CommandLineTests {
    static let wrong: [([String], String)] = [
        // A mistyped value, and one that resembles nothing.
        (
            ["knockout", "--heads", "0.1", "--ablate", "meen"],
            "--ablate: found \"meen\", expected one of mean, resample, zero, counterfactual, optimal; did you mean mean?"
        ),
        (["eval", "--format", "yaml"], "--format: found \"yaml\", expected one of text, json, csv, latex, markdown"),
        (
            ["patch", "--mode", "paht"],
            "--mode: found \"paht\", expected one of activation, path, cross-model; did you mean path?"
        ),
        (["patch"], "--mode: missing, expected one of activation, path, cross-model"),
        // A list with one bad item.
        (
            ["heads", "--analyses", "dla,copyng"],
            "--analyses: found \"copyng\", expected one of dla, scatter, copying, ov, inhibition, repeated, backup; did you "
                + "mean copying?"
        ),
        (
            ["knockout", "--heads", "0.1,9.x"],
            "--heads: found \"9.x\", expected heads such as 9.9 or 9.9@END"
        ),
        (["finetune", "--save-at", "1,x"], "--save-at: found \"x\", expected a number"),
        // Numbers.
        (["eval", "--count", "many"], "--count: found \"many\", expected a number"),
        (["eval", "--count", "2.5"], "--count: found 2.5, expected a whole number"),
        (["eval", "--seed", "-1"], "--seed: found -1, expected a number of 0 or more"),
        (["eval", "--count"], "--count: found no value, expected <n>"),
        (["heads", "--copying", "3"], "--copying: found 3.0, expected 0.0 to 1.0"),
        (["circuit", "discover", "--attention", "3"], "--attention: found 3.0, expected 0.0 to 1.0"),
        // Commands.
        (
            ["circuit", "dicsover", "--count", "3"],
            "circuit: found the command \"dicsover\", expected one of show, draw, diff, validate, discover; did you mean discover?"
        ),
        // Flags: near one, and near none.
        (["eval", "--cuont", "3"], "--cuont: not a flag of ioi eval; did you mean --count?"),
        (["eval", "-model", "gpt2"], "-model: not a flag of ioi eval; did you mean --model?"),
        (["eval", "--foo"], "--foo: not a flag of ioi eval, whose flags ioi eval --help lists"),
        (["eval", "-x"], "-x: not a flag of ioi eval, whose flags ioi eval --help lists"),
        // Arguments.
        (["eval", "extra"], "found the argument \"extra\", which ioi eval does not take"),
        (["eval", "--quiet=3"], "--quiet: found \"3\", expected no value"),
        (["circuit", "diff", "a"], "<b>: missing, expected the second circuit: a file or default"),
    ]

    @Test(arguments: wrong.indices)
    func aMistakeIsNamedInOneLine(_ index: Int) async throws {
        let (arguments, message) = Self.wrong[index]
        let run = try await Program.run(arguments)
        #expect(run.status == 64 && run.output.isEmpty)
        #expect(run.errors == "ioi: \(message)\n")
    }

    @Test func aMistypedCommandGetsASuggestion() async throws {
        let near = try await Program.run(["evla", "--count", "3"])
        #expect(near.status == 64)
        #expect(near.errors.hasPrefix("ioi: found the command \"evla\", expected one of data, finetune, eval, "))
        #expect(near.errors.hasSuffix("; did you mean eval?\n"))
        let far = try await Program.run(["nonsense"])
        #expect(far.status == 64 && far.complaints.count == 1 && !far.errors.contains("did you mean"))
    }

    /// Each command's help has its sections in one order, and states its own defaults alone.
    @Test func helpHasSectionsAndDefaults() async throws {
        let common = ["\nMODEL:\n", "\nPROMPTS:\n", "\nEXECUTION:\n", "\nOUTPUT:\n", "\nOPTIONS:\n"]
        for (command, count, sections) in [
            (["eval"], 1000, common), (["patch"], 200, ["\nMEASUREMENT:\n", "\nPATH PATCHING:\n"] + common),
            (["heads"], 128, ["\nMEASUREMENT:\n", "\nCLASSES:\n", "\nABLATION:\n"] + common),
            (["finetune"], 6360, common),
            (["circuit", "validate"], 200, ["\nMEASUREMENT:\n", "\nMINIMALITY:\n", "\nABLATION:\n"] + common),
        ] {
            let help = try await Program.run(command + ["--help"]).output
            let places = sections.map { help.range(of: $0)?.lowerBound }
            #expect(
                !places.contains(nil) && places.compactMap { $0 } == places.compactMap { $0 }.sorted(), "\(command)")
            #expect(help.contains("--count <n>             Number of prompts. (default: \(count))"), "\(command)")
        }
        let discover = try await Program.run(["circuit", "discover", "--help"]).output
        let words = discover.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("(default: 0.02)") && words.contains("--metric <metric> What is measured"))
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionKnowsValuesAndFiles(_ shell: String) async throws {
        let run = try await Program.run(["--generate-completion-script", shell])
        #expect(run.status == 0 && run.errors.isEmpty)
        for value in ["swap-first-clause", "eap-ig", "donor-to-host", "ratio-of-means", "gpt2-medium", "jsonl", "svg"] {
            #expect(run.output.contains(value), "\(value)")
        }
    }
}
