import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct NameListTests {
    private func read(_ text: String) throws -> NameList {
        try withFile(text, named: "names.txt") { try NameList(contentsOf: $0) }
    }

    @Test func ownDataIsComplete() throws {
        #expect(try NameList.standard().names.count == 100)
    }

    @Test func linesAreTrimmedAndEmptyOnesPassedOver() throws {
        #expect(try read("Mary\r\n John \n\nTom").names == ["Mary", "John", "Tom"])
    }

    @Test func faultyFilesAreRefused() throws {
        expectError(containing: "names.txt", "found 2 names, expected at least 3") {
            try read("Mary\nJohn\n")
        }
        expectError(containing: "names.txt", "found 0 names") { try read("") }
        expectError(containing: "names.txt", "found name \"Mary\" twice") { try read("Mary\nJohn\nTom\nMary\n") }
        try withFile(Data([0x4d, 0xff, 0x0a]), named: "names.txt") { file in
            expectError(containing: "names.txt", "not UTF-8") { try NameList(contentsOf: file) }
        }
        expectError(containing: "/nonexistent/names.txt: cannot be read: No such file") {
            try NameList(contentsOf: URL(fileURLWithPath: "/nonexistent/names.txt"))
        }
    }
}
