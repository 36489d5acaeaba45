import ArgumentParser
import Foundation
import IOIKit

/// What fine-tuning does inside a language model.
@main
struct IOI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ioi",
        abstract: "What fine-tuning does inside a language model, seen on indirect-object identification.",
        discussion: """
            A prompt names two people and repeats one of them: "Mary and John went to the store. John gave a drink \
            to" is to be continued with " Mary". The program writes such prompts (data), measures a GPT-2 on them \
            (eval), fine-tunes it on clean or corrupted ones (finetune), replaces values inside its runs to see what they \
            carry (patch, knockout), tells what single heads do (heads), finds circuits and puts them to the test \
            (circuit), tells how much of the model they are (faithfulness), tells whether recorded figures come out again \
            (verify), and times itself (bench).

            A first run:  ioi eval --count 200
                          ioi finetune --dataset clean --epochs 1 --out runs/clean

            Exit codes: 0 done, 1 failed while running, 3 verify or model check found a difference, 64 wrong usage, 130 interrupted.
            """,
        version: ioiVersion,
        subcommands: [
            DataCommand.self, EvalCommand.self, FinetuneCommand.self, PatchCommand.self, KnockoutCommand.self,
            FaithfulnessCommand.self, CircuitCommand.self, HeadsCommand.self, ReproduceCommand.self, ReportCommand.self,
            VerifyCommand.self, ModelCommand.self, BenchCommand.self,
        ]
    )

    static func main() {
        // A write beyond a file-size limit is then an error like a full disk, not a signal that kills.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            finish(error)
        }
    }

    /// Reports how the program ends, in one line where it is an error, and ends it.
    private static func finish(_ error: any Error) -> Never {
        if let error = error as? IOIError {
            Terminal.complain(error.field.map { "\(FieldFlag.named($0)): \(error.problem)" } ?? error.description)
            Foundation.exit(error.kind == .usage ? ExitCode.validationFailure.rawValue : 1)
        }
        let code = exitCode(for: error)
        if error is ExitCode { Foundation.exit(code.rawValue) }
        if code.isSuccess {
            print(fullMessage(for: error))
        } else {
            Terminal.complain(IOIError(message(for: error)).description)
        }
        Foundation.exit(code.rawValue)
    }
}
