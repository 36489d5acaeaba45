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
        #expect(PositionSelection.choices == names.joined(separator: ", "))
    }

    @Test(arguments: ["", "ALL", "All", "end", "s1Next", "S1+2", "S3", " END", "END,S2"])
    func otherNamesAreRefused(_ text: String) {
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
            _ = try InputFile.decode([PositionSelection].self, from: Data("[\"END\", \"S3\"]".utf8), path: "x.json")
        }
        #expect(error?.description == "x.json: [1]: found \"S3\", expected one of IO, S1, S1+1, S2, END, all")
    }
}
