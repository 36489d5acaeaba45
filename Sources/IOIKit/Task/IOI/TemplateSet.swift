import Foundation

/// IOI templates, and the places and objects that fill them.
public struct TemplateSet: Equatable, Sendable {
    public let templates: [Template]
    public let places: [String]
    public let objects: [String]
    /// The file, for error messages.
    public let source: String

    /// The templates of `Data/templates.json`.
    public static func standard() throws -> TemplateSet {
        try TemplateSet(contentsOf: DataDirectory.file("templates.json"))
    }

    /// Reads `{"templates": [{"name", "text"}], "places": […], "objects": […]}`.
    ///
    /// - Throws: `IOIError` naming the file and the invalid entry.
    public init(contentsOf file: URL) throws {
        struct Contents: Decodable {
            struct Entry: Decodable {
                let name: String
                let text: String
            }

            let templates: [Entry]
            let places: [String]
            let objects: [String]
        }
        let contents = try InputFile.decode(Contents.self, from: file)
        try self.init(
            templates: contents.templates.map {
                try Template(name: $0.name, text: $0.text, source: file.path)
            },
            places: contents.places, objects: contents.objects, source: file.path
        )
    }

    /// - Parameters:
    ///   - source: where they come from, for error messages.
    ///   - templates: the sentences, places and objects.
    ///   - objects: the objects.
    ///   - places: the places.
    /// - Throws: `IOIError` if a list is empty, or an entry is empty or repeats.
    public init(templates: [Template], places: [String], objects: [String], source: String) throws {
        self.templates = templates
        self.places = places
        self.objects = objects
        self.source = source
        for (key, entries) in [
            ("templates", templates.map(\.name)), ("places", places), ("objects", objects),
        ] {
            guard !entries.isEmpty else {
                throw IOIError("\(source): \"\(key)\" is an empty list, expected at least one entry")
            }
            if let twice = entries.firstRepeated() {
                throw IOIError("\(source): \"\(key)\" has \"\(twice)\" twice, expected each once")
            }
            if entries.contains(where: \.isEmpty) {
                throw IOIError("\(source): \"\(key)\" has an empty entry, expected text")
            }
        }
    }
}
