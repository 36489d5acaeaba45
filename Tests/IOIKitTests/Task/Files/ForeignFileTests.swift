import Foundation
import TestSupport
import Testing

@testable import IOIKit

/// Files of well-known other forms where prompts are expected.
@Suite struct ForeignFileTests {
    private static let files: [(String, Data, String)] = [
        ("a pickle of Python", Data([0x80, 0x04, 0x95]), "json.dumps"),
        ("a pickle of Python", Data([0x80, 0x02, 0x5d]), "json.dumps"),
        ("a ZIP archive, such as torch.save and numpy write", Data([0x50, 0x4b, 3, 4, 0]), "json.dumps"),
        ("a NumPy array", Data([0x93]) + Data("NUMPY".utf8), "json.dumps"),
        ("UTF-16 text", Data([0xff, 0xfe, 0x7b, 0]), "iconv"), ("UTF-16 text", Data([0xfe, 0xff, 0, 0x7b]), "iconv"),
        ("UTF-16 text", Data([0x7b, 0, 0x22, 0]), "iconv"),
        ("a Git LFS pointer", Data("version https://git-lfs.github.com/spec/v1\noid sha256:00".utf8), "git lfs pull"),
        ("a Parquet table", Data("PAR1".utf8), "pandas.read_parquet"),
        ("an Arrow table", Data("ARROW1\0\0".utf8), "pandas.read_feather"),
        ("an Arrow stream", Data([0xff, 0xff, 0xff, 0xff, 0]), "to_json"),
        ("a gzip archive", Data([0x1f, 0x8b, 8]), "gunzip"),
        ("a Zstandard archive", Data([0x28, 0xb5, 0x2f, 0xfd]), "zstd -d"),
        ("a web page", Data("\n <!DOCTYPE html>\n<html>".utf8), "raw"),
        ("a web page", Data("<html lang=en>".utf8), "raw"),
    ]

    @Test(arguments: files.indices)
    func eachIsNamedWithAWayIn(_ index: Int) throws {
        let (name, content, way) = Self.files[index]
        try withFile(content, named: "own.jsonl") { file in
            expectError(containing: "own.jsonl: found \(name), expected prompts as JSON lines, JSON or CSV: ", way) {
                try PromptFile(file.path)
            }
        }
    }

    @Test(arguments: ["{\"text\": \"a\"", "clean,correct\na, b", "[]", "\u{80}x", "P", ""])
    func othersAreLeftToTheirReaders(_ content: String) throws {
        try ForeignFile.refuse(Data(content.utf8), path: "x")
    }
}
