/// The header of a safetensors file as its JSON spells it.
struct SafetensorsDocument: Codable {
    package struct Entry: Codable {
        let dtype: String
        let shape: [WholeNumber]
        /// Where the data starts and ends, in bytes after the header.
        let dataOffsets: [WholeNumber]

        private enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }
    }

    static let metadataKey = "__metadata__"

    var metadata: [String: String] = [:]
    var tensors: [String: Entry] = [:]

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(metadata: [String: String]) {
        self.metadata = metadata
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for name in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
            if name.stringValue == Self.metadataKey {
                metadata = try container.decode([String: String].self, forKey: name)
            } else {
                tensors[name.stringValue] = try container.decode(Entry.self, forKey: name)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        try container.encode(metadata, forKey: Name(stringValue: Self.metadataKey))
        for (name, entry) in tensors { try container.encode(entry, forKey: Name(stringValue: name)) }
    }
}
