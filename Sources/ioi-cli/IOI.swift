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
            VerifyCommand.self, ModelCommand.self, BenchCommand.self,
        ]
    )

    static func main() {
        StandardStream.prepare()
        mappings_explain("ioi: ")
        Arena.onFailure { bytes in
            Terminal.complain("\(bytes / 1_000_000) MB more memory are needed than the system gives")
            Foundation.exit(1)
        }
        // A write beyond a file-size limit then fails like one to a full disk, instead of killing the program.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
            StandardStream.finish()
        } catch {
            finish(error)
        }
    }

    /// Prints the help or the one-line error that ends the program, and ends it.
    private static func finish(_ error: any Error) -> Never {
        if let error = error as? IOIError {
            Terminal.complain(error.field.map { "\(FieldFlag.named($0)): \(error.problem)" } ?? error.description)
            Foundation.exit(error.kind == .usage ? ExitCode.validationFailure.rawValue : 1)
        }
        let code = exitCode(for: error)
        if error is ExitCode { Foundation.exit(code.rawValue) }
        if code.isSuccess {
            let message = fullMessage(for: error)
            // No other command has to wait until the libraries that --version names are found.
            print(message == ioiVersion ? Version.text : message)
            StandardStream.finish()
        } else {
            let arguments = Array(CommandLine.arguments.dropFirst())
            Terminal.complain(WrongUsage(message(for: error), of: IOI.self, arguments: arguments).description)
        }
        Foundation.exit(code.rawValue)
    }
}
