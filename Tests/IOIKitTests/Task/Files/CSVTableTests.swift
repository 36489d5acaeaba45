import TestSupport
import Testing

@testable import IOIKit

@Suite struct CSVTableTests {
    @Test func fieldsMayBeQuoted() throws {
        let table = try CSVTable("a,\"b\",c\n1,\"x, \"\"y\"\"\nz\",\n\n,\" 2\",\"\"\n", path: "T")
        #expect(table.header == ["a", "b", "c"])
        #expect(table.rows.map(\.fields) == [["1", "x, \"y\"\nz", ""], ["", " 2", ""]])
        // The first row has two lines, and a blank one follows.
        #expect(table.rows.map(\.line) == [2, 5])
    }

    @Test func lineEndsAndByteOrderMarksDoNotMatter() throws {
        let plain = "a,b\n1,\"2\"\n3,\n"
        let expected = [["1", "2"], ["3", ""]]
        for text in [
            plain, plain.replacing("\n", with: "\r\n"), plain.replacing("\n", with: "\r"), "\u{FEFF}" + plain,
            String(plain.dropLast()), plain + "\n\r\n",
        ] {
            let table = try CSVTable(text, path: "T")
            #expect(table.header == ["a", "b"] && table.rows.map(\.fields) == expected, "\(text.debugDescription)")
        }
    }

    @Test func writtenTablesAreReadAgain() throws {
        let rows = [["a", "b"], ["x,y", "\"z\""], ["", "two\nlines"], [" é", "\r\n"]]
        let table = try CSVTable(CSVTable.text(rows), path: "T")
        #expect([table.header] + table.rows.map(\.fields) == rows)
        #expect(CSVTable.text([["a", "b c"]]) == "a,b c\n")
    }

    @Test(arguments: [
        ("", "T: found an empty file"),
        ("\n\n", "T: found an empty file"),
        ("a,a\n", "T line 1: found the column \"a\" twice"),
        ("a,b\n1,2\n3\n", "T line 3: found 1 fields, expected 2"),
        ("a,b\n\"1\n2\",3,4\n", "T line 2: found 3 fields, expected 2"),
        ("a,b\n1,\"2\n", "T line 2: found a quotation mark that begins a field"),
        ("a,b\n\"1\"x,2\n", "T line 2: found text after the quotation mark"),
    ])
    func unsoundTablesAreRefused(_ text: String, _ message: String) {
        expectError(containing: message) { try CSVTable(text, path: "T") }
    }
}
