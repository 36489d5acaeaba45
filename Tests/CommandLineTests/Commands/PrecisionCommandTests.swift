import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `--precision` of the commands that multiply.
@Suite struct PrecisionCommandTests {
    typealias Document = ResultsDocument<EvaluationExperiment, TaskEvaluation>

    private func evaluate(_ flags: String...) async throws -> Program.Outcome {
        try await Program.run(
            ["eval", "--model", TemporaryModel.shared.model.path, "--count", "8", "--format", "json"] + flags
        )
    }

    private func difference(_ outcome: Program.Outcome) throws -> (precision: Precision, value: Double) {
        #expect(outcome.status == 0, "\(outcome.errors)")
        let document = try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
        guard case .ioi(let evaluation) = document.results else { throw IOIError("another task") }
        return (document.environment.precision, try #require(evaluation.all.logitDifference.value))
    }

    @Test(.enabled(if: Precision.bf16.isAvailable())) func resultsNameThePrecision() async throws {
        let exact = try difference(await evaluate())
        let three = try difference(await evaluate("--precision", "bf16x3"))
        let one = try difference(await evaluate("--precision", "bf16"))
        #expect([exact.precision, three.precision, one.precision] == [.fp32, .bf16x3, .bf16])
        #expect(abs(three.value - exact.value) < 1e-4)
        #expect(one.value != exact.value && abs(one.value - exact.value) < 0.05)
    }

    @Test func aLibraryWithoutItIsNamed() async throws {
        for command in [["eval"], ["patch", "--mode", "path", "--receiver", "logits"], ["finetune", "--epochs", "1"]] {
            let run = try await Program.run(
                command + [
                    "--model", TemporaryModel.shared.model.path, "--count", "8", "--backend", "openblas", "--precision",
                    "bf16",
                ]
            )
            #expect(run.status == 64 && run.complaints.count == 1, "\(run.errors)")
            #expect(run.errors.contains("--precision: found bf16, which needs oneDNN"))
        }
    }

    /// Commands that multiply nothing have no such flag.
    @Test func whereItWouldChangeNothingItIsRefused() async throws {
        for command in [["data", "--count", "2"], ["model", "info"], ["finetune", "--resume", "--out", "run"]] {
            let run = try await Program.run(
                command + ["--precision", "fp32"]
                    + (command[0] == "finetune" ? [] : ["--model", TemporaryModel.shared.model.path])
            )
            #expect(run.status == 64 && run.errors.contains("--precision"), "\(run.errors)")
        }
    }

    /// What was measured in a precision is repeated in it, unless another is asked for.
    @Test(.enabled(if: Precision.bf16.isAvailable())) func verificationKeepsThePrecision() async throws {
        let file = try await VerifyCommandTests.record(["eval", "--count", "12", "--precision", "bf16"])
        let same = try await Program.run(
            ["verify", file.path, "--threads", "2", "--quiet"] + VerifyCommandTests.exact
        )
        #expect(same.status == 0, "\(same.output)")
        let other = try await Program.run(
            ["verify", file.path, "--threads", "2", "--quiet", "--precision", "fp32"] + VerifyCommandTests.exact
        )
        #expect(other.status == 3 && other.output.contains("precision: found fp32, recorded bf16"), "\(other.output)")
    }
}
