import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi heads`: its document, table and text, exit codes, one-line errors, interruptions.
@Suite struct HeadsCommandTests {
    static let model = PatchCommandTests.model
    static let other = PatchCommandTests.other
    static let small = CommandTests.model

    static func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            ["heads", "--model", Self.model.model.path, "--count", "6", "--seed", "2", "--quiet"] + arguments
        )
    }

    private struct Document: Decodable {
        let schema: String
        let command: String
        let options: HeadsExperiment
        let donor: ModelRecord?
        let dataset: DatasetRecord
        let results: HeadsResults
    }

    @Test func theDocumentHoldsEveryAnalysisAndIsReadAgain() async throws {
        let run = try await Self.run(
            ["--donor", Self.other.model.path, "--format", "json", "--per-prompt", "--attribution-share", "3"]
        )
        #expect(run.status == 0, "\(run.errors)")
        let document = try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
        #expect(document.schema == "ioi/1" && document.command == "heads" && document.dataset.count == 6)
        #expect(document.options.analyses == HeadsExperiment.Analysis.allCases)
        #expect(document.options.criteria.attribution == 3 && document.options.criteria.copying == 0.5)
        #expect(document.donor != nil)
        for profile in [document.results.model, try #require(document.results.donor)] {
            #expect(profile.attribution?.perPrompt?.heads[11][11].count == 6)
            #expect(profile.scatter?.perPrompt?.attentionToIO[11][11].count == 6)
            #expect(profile.copying?.copying.value.count == 12)
            #expect(profile.ov?.singularValues[0][0].count == 2)
            #expect(profile.inhibition?.flips.count == 2)
            #expect(profile.repeated?.length == 24)
            #expect(profile.classification?.heads.count == 144)
        }
        // The circuit of GPT-2 small lies with the model, and none with the donor.
        #expect(document.results.model.backup?.knockedOut == [Head(9, 9), Head(10, 0), Head(9, 6)])
        let keys = try #require(
            (try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])?["results"]
                as? [String: Any]
        )
        for key in [
            "logit_difference", "attention", "direct_logit_attribution", "attribution_scatter", "copying_score", "ov",
            "s_inhibition", "repeated_tokens", "backup_movers", "classification", "donor", "comparison",
        ] { #expect(keys[key] != nil, "\(key)") }
        let attention = try #require(keys["attention"] as? [String: Any])
        let map = try #require((attention["heads"] as? [String: Any])?["end_to_io"] as? [String: Any])
        #expect((map["value"] as? [[Double]])?.count == 12 && (map["ci95"] as? [[[Double]]])?[3][4].count == 2)
    }

    @Test func textAndCSVAreForPeopleAndTables() async throws {
        let text = try await Self.run(["--all"])
        #expect(text.status == 0, "\(text.errors)")
        for part in [
            "6 clean prompts\nlogit difference", "all together", "\nhead   class  ", "\n11.11  ",
            "with 9.9, 10.0, 9.6 knocked out at END",
        ] { #expect(text.output.contains(part), "\(part)") }
        #expect(!text.output.contains("\u{1B}"), "colours in a pipe")
        let csv = try await Self.run(["--format", "csv", "--donor", Self.other.model.path])
        let lines = csv.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 146 && lines[0].hasPrefix("head,class,attribution,attribution_low,"))
        let header = lines[0].split(separator: ",")
        #expect(Set(header).count == header.count && header.contains("donor_copying") && header.contains("delta_ov"))
        for line in lines[1..<145] {
            #expect(line.split(separator: ",", omittingEmptySubsequences: false).count == header.count)
        }
        #expect(lines[144].hasPrefix("11.11,"))
    }

    @Test func oneAnalysisIsMeasuredAlone() async throws {
        let run = try await Self.run(["--analyses", "repeated", "--format", "json"])
        let document = try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
        let profile = document.results.model
        #expect(profile.repeated != nil && profile.attribution == nil && profile.inhibition == nil)
        #expect(profile.classification!.unsettled.count == 4)
        let text = try await Self.run(["--analyses", "dla"])
        #expect(text.status == 0 && text.output.contains("not looked for"))
        #expect(!text.output.contains("copies"))
        // The circuit's classes need no analysis.
        #expect(profile.classAttention?.map(\.name).first == "name mover")
        #expect(text.output.contains("\nattention from END  ") && text.output.contains("\nnegative name mover  "))
        let line = text.output.split(separator: "\n").first { $0.hasPrefix("negative name mover") }
        #expect((line?.count ?? 99) <= 80)
    }

    static let wrongUsage: [[String]] = [
        ["--analyses", "dla,everything"], ["--analyses", ""],
        ["--analyses", "dla", "--ablate", "zero"], ["--analyses", "backup"], ["--analyses", "backup,dla"],
        ["--attention", "2"], ["--attribution-share", "-1"], ["--copying", "nan"], ["--circuit", "default"],
        ["--ablate", "optimal"], ["--memory", "0"],
    ]

    @Test(arguments: wrongUsage.indices)
    func wrongUsageIsOneLineAndCode64(_ index: Int) async throws {
        // The planted default circuit does not belong to this model; of `--circuit default` that is the complaint.
        let arguments = Self.wrongUsage[index]
        let run = try await Program.run(["heads", "--model", Self.small.model.path, "--count", "3"] + arguments)
        if arguments == ["--circuit", "default"] {
            #expect(run.status == 0, "\(run.errors)")
            return
        }
        #expect(run.status == 64, "\(arguments): \(run.errors)")
        #expect(run.complaints.count == 1 && run.output.isEmpty, "\(run.errors)")
    }

    @Test func modelsOfDifferentShapeAreRefused() async throws {
        let run = try await Self.run(["--donor", Self.small.model.path])
        #expect(run.status == 1)
        #expect(run.errors.hasSuffix("ioi: the donor's n_layer: found 2, expected the host's 12\n"))
    }

    @Test func aSignalEndsItWith130AndItGoesOn() async throws {
        let arguments = [
            "heads", "--model", Self.model.model.path, "--count", "300", "--threads", "2", "--analyses",
            "dla,copying,inhibition,backup",
        ]
        try await InterruptTests.expectSameResultsOfStopped(arguments, first: 150)
    }
}
