import Foundation

/// A well-known form of file that is found where prompts are expected, told by its first bytes.
enum ForeignFile {
    private static let forms: [(start: [UInt8], name: String, way: String)] = [
        (Array("version https://git-lfs".utf8), "a Git LFS pointer", "git lfs pull fetches the file itself"),
        (Array("PAR1".utf8), "a Parquet table", pandas("pandas.read_parquet(file)")),
        (Array("ARROW1".utf8), "an Arrow table", pandas("pandas.read_feather(file)")),
        (
            [0xff, 0xff, 0xff, 0xff], "an Arrow stream",
            "datasets.Dataset.from_file(file).to_json(out) writes JSON lines"
        ),
        ([0x50, 0x4b, 0x03, 0x04], "a ZIP archive, such as torch.save and numpy write", python),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array", python),
        ([0x1f, 0x8b], "a gzip archive", "gunzip unpacks it"),
        ([0x28, 0xb5, 0x2f, 0xfd], "a Zstandard archive", "zstd -d unpacks it"),
        ([0xff, 0xfe], "UTF-16 text", utf8),
        ([0xfe, 0xff], "UTF-16 text", utf8),
        ([UInt8(ascii: "{"), 0], "UTF-16 text", utf8),
        ([UInt8(ascii: "["), 0], "UTF-16 text", utf8),
    ]

    private static let python = "read it with Python and write each prompt as a line by json.dumps"
    private static let utf8 = "iconv -f UTF-16 -t UTF-8 makes it UTF-8"

    private static func pandas(_ read: String) -> String {
        "\(read).to_json(out, orient=\"records\", lines=True) writes JSON lines"
    }

    /// - Parameter path: names the file in errors.
    /// - Throws: `IOIError` with the name of the form and the way to one that is read.
    static func refuse(_ bytes: Data, path: String) throws {
        let (name, way): (String, String)
        if let form = forms.first(where: { bytes.starts(with: $0.start) }) {
            (name, way) = (form.name, form.way)
        } else if bytes.first == 0x80, let version = bytes.dropFirst().first, (2...5).contains(version) {
            (name, way) = ("a pickle of Python", python)
        } else if isPage(bytes) {
            (name, way) = ("a web page", "fetch the file itself, whose address GitHub calls raw and the hub resolve")
        } else {
            return
        }
        throw IOIError("\(path): found \(name), expected prompts as JSON lines, JSON or CSV: \(way)")
    }

    private static func isPage(_ bytes: Data) -> Bool {
        let start = bytes.drop { $0 <= 0x20 }.prefix(14)
        let text = String(decoding: start, as: UTF8.self).lowercased()
        return text.hasPrefix("<!doctype html") || text.hasPrefix("<html")
    }
}
