import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PositionSelectionTests {
    private let positions = Positions(io: 2, s1: 4, s1Next: 5, s2: 9, end: 13)

    @Test func namesAreReadAsTheyAreWritten() {
        let names = ["IO", "S1", "S1+1", "S2", "END", "all"]
        let selections: [PositionSelection] = [
            .one(.io), .one(.s1), .one(.s1Next), .one(.s2), .one(.end), .all,
        ]
        #expect(names.map { PositionSelection($0) } == selections)
        #expect(selections.map(\.description) == names)
        #expect(PositionSelection("YEAR") == .one(PositionName("YEAR")!))
    }

    @Test(arguments: ["", "ALL", "All", " END", "END,S2", "a@b", "q:END", "a/b", "two words"])
    func whatCannotBeToldApartIsRefused(_ text: String) {
        #expect(PositionSelection(text) == nil)
    }

    @Test func positionsOfAPromptAreSelected() {
        let selected = ["IO", "S1", "S1+1", "S2", "END"].map {
            PositionSelection($0)?.positions(in: positions, count: 14)
        }
        #expect(selected == [[2], [4], [5], [9], [13]])
        #expect(PositionSelection.all.positions(in: positions, count: 14) == Array(0..<14))
    }

    @Test func selectionsAreStringsInJSON() throws {
        let selections: [PositionSelection] = [.one(.s1Next), .all]
        let json = try JSONEncoder().encode(selections)
        #expect(String(decoding: json, as: UTF8.self) == "[\"S1+1\",\"all\"]")
        #expect(try JSONDecoder().decode([PositionSelection].self, from: json) == selections)
        let error = ioiError {
            _ = try InputFile.decode([PositionSelection].self, from: Data("[\"END\", \"S 3\"]".utf8), path: "x.json")
        }
        #expect(
            error?.description
                == "x.json: [1]: found \"S 3\", expected the name of a position, such as END, or all"
        )
    }

    @Test func positionsThatPromptsLackAreNamed() throws {
        func prompt(_ id: Int, _ names: [String: Int]) -> Prompt {
            let named = names.map { (PositionName($0)!, $1) }
            return Prompt(
                id: id, dataset: "d", template: "t", group: "g", text: "", tokens: [1, 2, 3], counterfactualTokens: nil,
                rightTokens: [1], wrongTokens: [2], answer: "", answerToken: 1,
                positions: Positions(Dictionary(uniqueKeysWithValues: named), count: 3)
            )
        }
        let prompts = [prompt(0, ["NOUN": 0, "YEAR": 1]), prompt(7, ["YEAR": 0])]
        try prompts.check([.all, .one(.end), .one(PositionName("YEAR")!)], field: "positions")
        for (name, part) in [
            ("NOUN", "found the position NOUN in prompt 7"), ("S2", "found the position S2, expected"),
        ] {
            let error = ioiError { try prompts.check([.one(PositionName(name)!)], field: "positions") }
            #expect(error?.field == "positions")
            #expect(error?.problem.contains(part) == true)
            #expect(error?.problem.contains("expected one of YEAR, END, which the prompts name, or all") == true)
        }
    }
}
