import ArgumentParser
import CSystem
import Foundation
import IOIKit

/// The program `ioi`.
@main
struct IOI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ioi",
        abstract: "Measure what fine-tuning changes inside a language model, on indirect-object identification (IOI).",
        discussion: """
            A prompt names two people and repeats one of them: "Mary and John went to the store. John gave a drink \
            to" continues with " Mary". The program writes such prompts (data), measures a GPT-2 on them (eval), \
            fine-tunes it on clean or corrupted ones (finetune), replaces values inside its runs to see what they carry \
            (patch, knockout), shows what it expects and what is inside (predict, lens, cache), measures single heads \
            (heads), finds and validates circuits (circuit), measures how much of the model a circuit explains \
            (faithfulness), checks recorded results (verify), and times itself (bench).

            A first run:  ioi eval --count 200
                          ioi finetune --dataset clean --epochs 1 --out runs/clean

            Exit codes: 0 done, 1 failed while running, 3 verify or model check found a difference, 64 wrong usage, 130 \
            interrupted.
            """,
        version: ioiVersion,
        subcommands: [
            DataCommand.self, FinetuneCommand.self,
        ] + Experiments.commands(in: nil) + [
            CacheCommand.self, CompareCommand.self, CircuitCommand.self, ReproduceCommand.self, ReportCommand.self,
            VerifyCommand.self, MergeCommand.self, ModelCommand.self, BenchCommand.self,
        ]
    )

    /// The processes that share the work of this command.
    nonisolated(unsafe) private(set) static var ranks = Ranks.alone

    static func main() {
        StandardStream.prepare()
        mappings_explain("ioi: ")
        Arena.onFailure { bytes in
            Terminal.complain("\(bytes / 1_000_000) MB more memory are needed than the system gives")
            ranks.end(code: 1)
            Foundation.exit(1)
        }
        // A write beyond a file-size limit then fails like one to a full disk, instead of killing the program.
        signal(SIGXFSZ, SIG_IGN)
        do {
            StandardStream.isSilent = Ranks.rankOfEnvironment > 0
            ranks = try Ranks.join()
            StandardStream.isSilent = !ranks.isFirst
            StandardInput.ranks = ranks
            let parsed = Result { try parseAsRoot() }
            // All ranks wait for the slowest, so that they find what is wrong at the same time.
            _ = ranks.any(false)
            var command = try parsed.get()
            if ranks.count > 1, !(command is any SharedCommand) {
                throw IOIError.usage(
                    "found \(ranks.count) processes for ioi \(type(of: command)._commandName), which does not divide its "
                        + "work, expected one")
            }
            try command.run()
            StandardStream.finish()
            ranks.leave()
        } catch {
            finish(error)
        }
    }

    /// Prints the help or the one-line error that ends the program, and ends it.
    private static func finish(_ error: any Error) -> Never {
        let code: Int32
        let speak: () -> Void
        if let error = error as? IOIError {
            code = error.kind == .usage ? ExitCode.validationFailure.rawValue : 1
            speak = { complain(error.field.map { "\(FieldFlag.named($0)): \(error.problem)" } ?? error.description) }
        } else if let error = error as? ExitCode {
            code = error.rawValue
            speak = {}
        } else if exitCode(for: error).isSuccess {
            let message = fullMessage(for: error)
            // No other command has to wait until the libraries that --version names are found.
            print(message == ioiVersion ? Version.text : message)
            StandardStream.finish()
            ranks.leave()
            Foundation.exit(0)
        } else {
            code = exitCode(for: error).rawValue
            let arguments = Array(CommandLine.arguments.dropFirst())
            speak = { complain(WrongUsage(message(for: error), of: IOI.self, arguments: arguments).description) }
        }
        ranks.fail(code: code, speak: speak)
        Foundation.exit(code)
    }

    /// Also a rank that is silent otherwise says what is wrong with it alone.
    private static func complain(_ problem: String) {
        if !ranks.isFirst { StandardStream.isSilent = false }
        Terminal.complain(ranks.isFirst ? problem : "rank \(ranks.rank): \(problem)")
    }
}

/// A command whose work several processes share.
protocol SharedCommand {}
