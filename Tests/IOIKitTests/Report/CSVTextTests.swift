import Testing

@testable import IOIKit

@Suite struct CSVTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"a\"", "\"say \"\"a\"\"\""), ("a\nioi: b", #"a\nioi: b"#),
        ("=1+1", "'=1+1"), ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"), ("-cmd", "'-cmd"), ("-1.5", "-1.5"), ("+2", "+2"), ("-", "-"), ("\u{1B}[2J", #"\u{1B}[2J"#),
    ])
    func fieldsAreOneLineAndNoFormula(text: String, field: String) {
        #expect(text.csvField == field)
    }
}
