import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct TemplateSetTests {
    private static let good = "Then, [S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to"

    private func read(_ json: String) throws -> TemplateSet {
        try withFile(json, named: "templates.json") { try TemplateSet(contentsOf: $0) }
    }

    private func template(_ text: String) throws -> Template {
        try Template(name: "t", text: text, source: "F")
    }

    @Test func ownDataIsComplete() throws {
        let templates = try TemplateSet.standard()
        #expect(templates.templates.count == 15)
        #expect(templates.places.count >= 12)
        #expect(templates.objects.count >= 12)
        #expect(Set(templates.templates.map(\.text)).count == 15)
        #expect(templates.objects.allSatisfy { !"aeiou".contains($0.first!) })
    }

    @Test func bothOrdersAreFilled() throws {
        let template = try template(Self.good)
        let fill = { (order: NameOrder) in
            template.filled(order: order, io: "Mary", s: "John", place: "store", object: "drink")
        }
        #expect(fill(.baba) == "Then, John and Mary went to the store. John gave a drink to")
        #expect(fill(.abba) == "Then, Mary and John went to the store. John gave a drink to")
    }

    @Test func placeAndObjectMayStandAnywhere() throws {
        let template = try template("A [OBJECT] was what [S] saw with [IO] in the [PLACE], so [S] told")
        #expect(
            template.filled(order: .abba, io: "Mary", s: "John", place: "store", object: "drink")
                == "A drink was what Mary saw with John in the store, so John told"
        )
    }

    @Test(arguments: [
        ("Then, [S] and [IO] went to the [PLACE]. [S] gave it to", "found slot [OBJECT] 0 times, expected 1"),
        ("Then, [S] and [IO] went out. [S] gave a [OBJECT] to", "found slot [PLACE] 0 times, expected 1"),
        ("Then, [S] went to the [PLACE]. [S] gave a [OBJECT] to", "found slot [IO] 0 times, expected 1"),
        ("Then, [S] and [IO] went to the [PLACE] and gave a [OBJECT] to", "found slot [S] 1 times, expected 2"),
        (
            "Then, [S], [S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to",
            "found slot [S] 3 times, expected 2"
        ),
        (
            "Then, [S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to [IO]",
            "found slot [IO] 2 times, expected 1"
        ),
        (
            "Then, [IO] and [S] went to the [PLACE]. [S] gave a [OBJECT] to",
            "expected [S], then [IO], then [S]"
        ),
        (
            "Then, [S] went to the [PLACE]. [S] gave a [OBJECT] to [IO] or",
            "expected [S], then [IO], then [S]"
        ),
        ("[S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to", "[S] is not preceded by a space"),
        (
            "Then, [S] and [IO] went to the [PLACE]. [S] gave a big-[OBJECT] to",
            "[OBJECT] is not preceded by a space"
        ),
        (
            "Then, [S] and\t[IO] went to the [PLACE]. [S] gave a [OBJECT] to",
            "[IO] is not preceded by a space"
        ),
        ("Then, [A] and [B] went to the [PLACE]. [A] gave a [OBJECT] to", "found [A]"),
        ("Then, [S and [IO] went to the [PLACE]. [S] gave a [OBJECT] to", "found [S"),
        ("Then, [S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to ", "ends in whitespace"),
        ("Then, [S] and [IO] went to the [PLACE]. [S] gave a [OBJECT] to\n", "ends in whitespace"),
    ])
    func faultyTextIsRefused(text: String, message: String) {
        expectError(containing: "F: template \"t\": ", message) { try template(text) }
    }

    private func json(
        templates: String = "[{\"name\": \"t\", \"text\": \"\(good)\"}]",
        places: String = "[\"store\"]",
        objects: String = "[\"drink\"]"
    ) -> String {
        "{\"templates\": \(templates), \"places\": \(places), \"objects\": \(objects)}"
    }

    @Test func fileIsRead() throws {
        let set = try read(json())
        #expect(set.templates.map(\.text) == [Self.good])
        #expect(set.places == ["store"])
        #expect(set.objects == ["drink"])
    }

    @Test func faultyFilesAreRefused() throws {
        let entry = "{\"name\": \"t\", \"text\": \"\(Self.good)\"}"
        let cases: [(json: String, message: String)] = [
            ("", "not sound JSON"),
            ("{\"templates\": [", "not sound JSON"),
            ("[1]", "found [1], expected an object"),
            ("{\"places\": [\"store\"], \"objects\": [\"drink\"]}", "templates: found nothing, expected a value"),
            ("{\"templates\": [\(entry)], \"objects\": [\"drink\"]}", "places: found nothing, expected a value"),
            ("{\"templates\": [\(entry)], \"places\": [\"store\"]}", "objects: found nothing, expected a value"),
            (json(templates: "[{\"name\": \"t\"}]"), "templates[0].text: found nothing, expected a value"),
            (json(templates: "[\(entry), {\"text\": \"x\"}]"), "templates[1].name: found nothing, expected a value"),
            (
                json(templates: "[{\"name\": \"t\", \"text\": 3}]"),
                "templates[0].text: found 3, expected a string"
            ),
            (json(templates: "7"), "templates: found 7, expected an array"),
            (json(places: "[\"store\", null]"), "places[1]: found null, expected a string"),
            (json(templates: "[]"), "\"templates\" is an empty list"),
            (json(places: "[]"), "\"places\" is an empty list"),
            (json(objects: "[]"), "\"objects\" is an empty list"),
            (json(templates: "[\(entry), \(entry)]"), "\"templates\" has \"t\" twice"),
            (json(places: "[\"store\", \"park\", \"store\"]"), "\"places\" has \"store\" twice"),
            (json(objects: "[\"\"]"), "\"objects\" has an empty entry"),
            (json(templates: "[{\"name\": \"t\", \"text\": \"x\"}]"), "template \"t\": found slot [S]"),
        ]
        for (json, message) in cases {
            expectError(containing: "templates.json: ", message) { try read(json) }
        }
    }

    @Test func fileThatCannotBeReadIsNamed() {
        expectError(containing: "/nonexistent/t.json: cannot be read: No such file") {
            try TemplateSet(contentsOf: URL(fileURLWithPath: "/nonexistent/t.json"))
        }
        let folder = FileManager.default.temporaryDirectory
        expectError(containing: folder.path, "found a folder, expected a file") {
            try TemplateSet(contentsOf: folder)
        }
    }
}
