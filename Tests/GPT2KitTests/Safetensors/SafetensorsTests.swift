import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct SafetensorsTests {
    private func file(header: String, data: Data = Data(), length: UInt64? = nil) -> Data {
        let length = length ?? UInt64(header.utf8.count)
        return withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data(header.utf8) + data
    }

    private func entry(_ name: String, _ dtype: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    /// What is wrong with a file, without its name in front.
    private func complaint(_ contents: Data) throws -> String? {
        let folder = try ModelTestFolder()
        let url = try folder.put("m.safetensors", contents)
        let text = ioiError { _ = try SafetensorsFile(contentsOf: url) }?.description
        guard let text, text.hasPrefix("\(url.path): ") else { return nil }
        return String(text.dropFirst(url.path.count + 2))
    }

    private func copied(_ file: SafetensorsFile, _ name: String) throws -> [Float] {
        let count = try file.tensor(name).count
        var values = [Float](repeating: -7, count: count)
        try values.withUnsafeMutableBufferPointer { try file.copy(name, into: $0) }
        return values
    }

    // MARK: Reading

    @Test func tensorsAndMetadataAreRead() throws {
        let folder = try ModelTestFolder()
        let numbers: [Float] = [1, -2.5, .infinity, 0, Float(bitPattern: 2141), .greatestFiniteMagnitude, 9]
        let header =
            "{" + entry("mask", "BOOL", "[1,4]", 24, 28) + "," + entry("w", "F32", "[2,3]", 0, 24)
            + ",\"__metadata__\":{\"format\":\"pt\",\"é\":\"\\n\"}," + entry("x", "F32", "[]", 28, 32) + ","
            + entry("empty", "F32", "[3,0]", 28, 28) + "}"
        let padded = header + String(repeating: " ", count: 7 - (header.utf8.count + 7) % 8)
        var data = numbers[..<6].withUnsafeBytes { Data($0) } + Data([1, 0, 1, 0])
        data += numbers[6...].withUnsafeBytes { Data($0) }
        let url = try folder.put("m.safetensors", file(header: padded, data: data))
        let file = try SafetensorsFile(contentsOf: url)

        #expect(file.metadata == ["format": "pt", "é": "\n"])
        #expect(file.tensors.keys.sorted() == ["empty", "mask", "w", "x"])
        let start = 8 + padded.utf8.count
        #expect(
            try file.tensor("w")
                == .init(name: "w", dtype: .f32, shape: [2, 3], byteRange: start..<start + 24)
        )
        #expect(try file.tensor("x").count == 1)
        #expect(try copied(file, "w") == Array(numbers[..<6]))
        #expect(try copied(file, "x") == [9])
        #expect(try copied(file, "empty") == [])
        #expect(try file.floats("w").map(Array.init) == Array(numbers[..<6]))
        #expect(try file.floats("empty")?.count == 0)

        func message(_ call: () throws -> Void) -> String? { ioiError(call)?.description }
        let path = url.path
        #expect(
            message { _ = try file.floats("y") }
                == "\(path): expected a tensor \"y\", found none of that name"
        )
        for call in [{ _ = try file.floats("mask") }, { _ = try self.copied(file, "mask") }] {
            #expect(
                message(call) == "\(path): tensor \"mask\": found type BOOL, expected F32, F16 or BF16"
            )
        }
        var wrong = [Float](repeating: 0, count: 5)
        #expect(
            message { try wrong.withUnsafeMutableBufferPointer { try file.copy("w", into: $0) } }
                == "\(path): tensor \"w\": found shape [2, 3], expected 5 elements"
        )
    }

    @Test func changesInPlaceDoNotReachTheFile() throws {
        let folder = try ModelTestFolder()
        let url = folder.file("m.safetensors")
        let values: [Float] = (0..<5000).map { Float($0) }
        _ = try values.withUnsafeBufferPointer {
            try SafetensorsWriter.write([(name: "w", shape: [5000], values: $0)], to: url)
        }
        let before = try Data(contentsOf: url)
        let file = try SafetensorsFile(contentsOf: url)
        let pointer = try #require(try file.floats("w"))
        for index in pointer.indices { pointer[index] = -1 }
        #expect(try copied(file, "w") == [Float](repeating: -1, count: 5000))
        #expect(try Data(contentsOf: url) == before)
        #expect(try copied(SafetensorsFile(contentsOf: url), "w") == values)
    }

    /// Memory that is given back is read from the file again; that of other tensors stays as it is.
    @Test func memoryGoesBackTensorByTensor() throws {
        let folder = try ModelTestFolder()
        let url = folder.file("m")
        let values = (0..<9000).map { Float($0 + 1) }
        _ = try values.withUnsafeBufferPointer { values in
            try SafetensorsWriter.write(["a", "b", "c"].map { ($0, [9000], values) }, to: url)
        }
        let file = try SafetensorsFile(contentsOf: url)
        let tensors = try ["a", "b", "c"].map { try #require(try file.floats($0)) }
        for tensor in tensors { for index in tensor.indices { tensor[index] = -values[index] } }
        file.giveBack("b")
        file.giveBack("none")
        #expect(tensors[0].elementsEqual(values.map(-)) && tensors[2].elementsEqual(values.map(-)))
        // The first and last page of a tensor may hold others' values, too.
        #expect(zip(tensors[1], values).allSatisfy { abs($0) == $1 })
        #expect(tensors[1].filter { $0 > 0 }.count > 3000)
    }

    @Test func misalignedNumbersAreCopied() throws {
        let folder = try ModelTestFolder()
        let numbers: [Float] = [1.5, -3, 7e20]
        for shift in 0..<4 {
            var header = "{" + entry("w", "F32", "[3]", 0, 12) + "}"
            header += String(repeating: " ", count: (4 - header.utf8.count % 4) % 4 + shift)
            let url = try folder.put(
                "\(shift)",
                file(header: header, data: numbers.withUnsafeBytes { Data($0) })
            )
            let file = try SafetensorsFile(contentsOf: url)
            #expect(try (file.floats("w") == nil) == (shift != 0))
            #expect(try copied(file, "w") == numbers)
        }
    }

    /// A number from its sign, exponent and mantissa fields, as IEEE 754 defines it.
    private func value(_ pattern: Int, exponentBits: Int, mantissaBits: Int) -> Double {
        let sign = pattern >> (exponentBits + mantissaBits) == 0 ? 1.0 : -1.0
        let exponent = (pattern >> mantissaBits) & ((1 << exponentBits) - 1)
        let fraction = Double(pattern & ((1 << mantissaBits) - 1)) / Double(1 << mantissaBits)
        let bias = (1 << (exponentBits - 1)) - 1
        if exponent == (1 << exponentBits) - 1 { return fraction == 0 ? sign * .infinity : .nan }
        if exponent == 0 { return sign * fraction * pow(2, Double(1 - bias)) }
        return sign * (1 + fraction) * pow(2, Double(exponent - bias))
    }

    @Test(arguments: [("F16", 5, 10), ("BF16", 8, 7)])
    func everyHalfIsWidenedExactly(_ type: String, _ exponentBits: Int, _ mantissaBits: Int) throws {
        let folder = try ModelTestFolder()
        let patterns = (0...UInt16.max).map(\.littleEndian).withUnsafeBytes { Data($0) }
        // Once at an even address, once at an odd one.
        for shift in 0..<2 {
            var header = "{" + entry("h", type, "[256,256]", 0, 131072) + "}"
            header += String(repeating: " ", count: header.utf8.count % 2 + shift)
            let url = try folder.put("\(shift)", file(header: header, data: patterns))
            let file = try SafetensorsFile(contentsOf: url)
            #expect(try file.floats("h") == nil)
            let found = try copied(file, "h")
            var different: [Int] = []
            for pattern in 0...65535 {
                let expected = value(pattern, exponentBits: exponentBits, mantissaBits: mantissaBits)
                let same =
                    expected.isNaN
                    ? found[pattern].isNaN && (found[pattern].sign == .minus) == (pattern >= 0x8000)
                    : found[pattern].bitPattern == Float(expected).bitPattern
                        && Double(Float(expected)) == expected
                if !same { different.append(pattern) }
            }
            #expect(different == [])
        }
    }

    // MARK: Malformed files

    @Test func filesThatCannotBeReadAreRefused() throws {
        let folder = try ModelTestFolder()
        func message(_ url: URL) -> String? {
            ioiError { _ = try SafetensorsFile(contentsOf: url) }?.description
        }
        let missing = folder.file("missing")
        #expect(message(missing) == "\(missing.path): cannot be read: No such file or directory")
        #expect(message(folder.url) == "\(folder.url.path): found a folder, expected a file")
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe.path, 0o600) == 0)
        #expect(message(pipe) == "\(pipe.path): found a device or pipe, expected a file")
        for size in [0, 7] {
            let short = try folder.put("short", Data(count: size))
            #expect(
                message(short)
                    == "\(short.path): found \(size) bytes, expected "
                    + "a safetensors file (8 bytes and a header)"
            )
        }
        let locked = try folder.put("locked", file(header: "{}"))
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: locked.path)
        if getuid() != 0 { #expect(message(locked) == "\(locked.path): cannot be read: Permission denied") }
    }

    @Test func malformedHeadersAreRefused() throws {
        let cases: [(Data, String)] = [
            (file(header: "", length: 0), "found a header of 0 bytes, expected a JSON object"),
            (
                file(header: "{}", length: 3),
                "truncated: its header alone needs 11 bytes, found 10 in the file"
            ),
            (
                file(header: "{}", length: 100_000_001),
                "found a header length of 100000001 bytes, expected "
                    + "at most 100000000: not a safetensors file?"
            ),
            (
                file(header: "{}", length: .max),
                "found a header length of 18446744073709551615 bytes, expected at most 100000000: "
                    + "not a safetensors file?"
            ),
            (
                withUnsafeBytes(of: UInt64(7).littleEndian) { Data($0) }
                    + Data([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x30, 0x7d]),
                "header: not sound JSON: Invalid UTF-8 sequence 1 bytes starting from character 2."
            ),
            (file(header: "{,}"), "header: not sound JSON: Invalid value around character 1."),
            (file(header: "{}x"), "header: not sound JSON: Invalid value around character 2."),
            (file(header: "[]"), "header: found [], expected an object"),
            (file(header: "7"), "header: found 7, expected an object"),
            (file(header: "null"), "header: found null, expected an object"),
            (
                file(header: String(repeating: "[", count: 1_000_000)),
                "header: found more than 100 lists and objects inside each other, expected fewer"
            ),
            (file(header: "{\"__metadata__\":[]}"), "header: __metadata__: found [], expected an object"),
            (
                file(header: "{\"__metadata__\":{\"a\":1}}"),
                "header: __metadata__.a: found 1, expected a string"
            ),
        ]
        for (contents, expected) in cases { #expect(try complaint(contents) == expected) }
    }

    @Test func malformedEntriesAreRefused() throws {
        let cases: [(String, String)] = [
            ("7", "header: w: found 7, expected an object"),
            ("null", "header: w: found null, expected an object"),
            ("{\"shape\":[1],\"data_offsets\":[0,4]}", "header: w.dtype: found nothing, expected a value"),
            (
                "{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}",
                "header: w.dtype: found 5, expected a string"
            ),
            (
                "{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}",
                "tensor \"w\": dtype: found \"F33\", expected a type of the safetensors format, as \"F32\""
            ),
            (
                "{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}",
                "tensor \"w\": shape: found [4294967296, 4294967296], expected "
                    + "a whole number of bytes of F32 that fits 64 bits"
            ),
            (
                "{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,4]}",
                "tensor \"w\": shape: found [3], expected a whole number of bytes of F4 that fits 64 bits"
            ),
            (
                "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}",
                "tensor \"w\": data_offsets: found [0, 4], 4 bytes, expected 8 bytes for shape [2] of F32"
            ),
        ]
        let shapes = [
            ("1", ": found 1, expected an array"), ("null", ": found null, expected an array"),
            ("[-1]", "[0]: found -1, expected an integer, 0 or more"),
            ("[1, 1.5]", "[1]: found 1.5, expected an integer, 0 or more"),
            ("[null]", "[0]: found null, expected a number"),
            ("[true]", "[0]: found true, expected a number"),
            (
                "[9223372036854775808]",
                "[0]: found 9223372036854775808, expected an integer, 0 or more"
            ),
        ].map { shape, expected in
            ("{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,4]}", "header: w.shape\(expected)")
        }
        let two = "expected two integers, the second not less"
        let offsets = [
            ("[0]", "tensor \"w\": data_offsets: found [0], \(two)"),
            ("[4,0]", "tensor \"w\": data_offsets: found [4, 0], \(two)"),
            ("[-4,0]", "header: w.data_offsets[0]: found -4, expected an integer, 0 or more"),
            ("[\"0\",4]", "header: w.data_offsets[0]: found \"0\", expected a number"),
            (
                "[9223372036854775803,9223372036854775807]",
                "header: w.data_offsets[0]: found 9223372036854775803, expected an integer, 0 or more"
            ),
        ].map { offsets, expected in
            ("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\(offsets)}", expected)
        }
        for (entry, expected) in cases + shapes + offsets {
            #expect(
                try complaint(file(header: "{\"w\":\(entry)}", data: Data(count: 4))) == expected
            )
        }
        let absent = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}"
        #expect(
            try complaint(file(header: absent, data: Data(count: 4)))
                == "header: w.data_offsets: found nothing, expected a value"
        )
        let hostile = String(repeating: "n", count: 500) + "\\u001b[31m\\n"
        let text = try complaint(file(header: "{\"\(hostile)\":7}"))
        #expect(text?.count ?? 1000 < 200 && text?.contains("\u{1b}") == false)
    }

    @Test func dataThatDoesNotFitTheHeaderIsRefused() throws {
        func complaint(_ entries: [String], dataBytes: Int) throws -> (text: String?, dataStart: Int) {
            let header = "{" + entries.joined(separator: ",") + "}"
            return (
                try self.complaint(file(header: header, data: Data(count: dataBytes))), 8 + header.utf8.count
            )
        }
        let a = entry("a", "F32", "[4]", 0, 16)
        let b = entry("b", "F32", "[2]", 16, 24)
        #expect(try complaint([a, b], dataBytes: 24).text == nil)

        var (text, start) = try complaint([b, a], dataBytes: 20)
        #expect(
            text
                == "truncated: found \(start + 20) bytes, "
                + "expected \(start + 24); tensor \"b\" is the first cut off"
        )
        (text, start) = try complaint([b, a], dataBytes: 3)
        #expect(
            text
                == "truncated: found \(start + 3) bytes, "
                + "expected \(start + 24); tensor \"a\" is the first cut off"
        )
        (text, start) = try complaint([a, b], dataBytes: 27)
        #expect(text == "found \(start + 27) bytes, expected \(start + 24): 3 bytes belong to no tensor")
        (text, start) = try complaint([], dataBytes: 1)
        #expect(text == "found \(start + 1) bytes, expected \(start): 1 bytes belong to no tensor")
        (text, start) = try complaint([a, entry("c", "F32", "[2]", 20, 28)], dataBytes: 28)
        #expect(
            text
                == "tensor \"c\": found its data at byte \(start + 20), after a hole, "
                + "expected byte \(start + 16), the end of \"a\""
        )
        (text, start) = try complaint([entry("c", "F32", "[2]", 4, 12)], dataBytes: 12)
        #expect(
            text
                == "tensor \"c\": found its data at byte \(start + 4), after a hole, "
                + "expected byte \(start), the end of the header"
        )
        (text, start) = try complaint([a, entry("c", "F32", "[2]", 12, 20)], dataBytes: 20)
        #expect(
            text
                == "tensor \"c\": found its data at byte \(start + 12), overlapping other data, "
                + "expected byte \(start + 16), the end of \"a\""
        )
        // Two tensors of the same bytes, as of tied weights, are an overlap too.
        (text, start) = try complaint([a, entry("c", "F32", "[4]", 0, 16)], dataBytes: 16)
        #expect(
            text
                == "tensor \"c\": found its data at byte \(start), overlapping other data, "
                + "expected byte \(start + 16), the end of \"a\""
        )
        (text, start) = try complaint([a, entry("a", "F32", "[4]", 16, 32)], dataBytes: 32)
        #expect(text == "header: found the key \"a\" twice, expected it once")
    }

    @Test func everyTruncationIsRefused() throws {
        let folder = try ModelTestFolder()
        let url = folder.file("m")
        let values: [Float] = [1, 2, 3, 4, 5, 6]
        _ = try values.withUnsafeBufferPointer {
            try SafetensorsWriter.write([(name: "w", shape: [2, 3], values: $0)], to: url)
        }
        let whole = try Data(contentsOf: url)
        for length in 0..<whole.count {
            #expect(try complaint(whole.prefix(length)) != nil, "\(length) of \(whole.count) bytes")
        }
        #expect(try complaint(whole) == nil)
    }

    // MARK: Writing

    @Test func whatIsWrittenReadsBackTheSame() throws {
        let folder = try ModelTestFolder()
        let url = folder.file("m.safetensors")
        let specials: [Float] = [
            0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, 1.1, Float(bitPattern: 0x7fc0_0001),
        ]
        let large = (0..<200_000).map { Float($0) * 0.37 }
        _ = try specials.withUnsafeBufferPointer { specials in
            try large.withUnsafeBufferPointer { large in
                try SafetensorsWriter.write(
                    [
                        (name: "z.é\"\n", shape: [7], values: specials),
                        (name: "large", shape: [400, 500], values: large),
                        (name: "none", shape: [0, 3], values: UnsafeBufferPointer(rebasing: specials[..<0])),
                        (name: "one", shape: [], values: UnsafeBufferPointer(rebasing: specials[5..<6])),
                    ],
                    metadata: ["step": "12"],
                    to: url
                )
            }
        }
        let file = try SafetensorsFile(contentsOf: url)
        #expect(file.metadata == ["format": "pt", "step": "12"])
        #expect(try file.floats("z.é\"\n")?.map(\.bitPattern) == specials.map(\.bitPattern))
        #expect(try copied(file, "large") == large)
        #expect(try copied(file, "none") == [])
        #expect(try copied(file, "one") == [1.1])
        #expect(try file.tensor("large").shape == [400, 500])
        #expect(try file.tensor("z.é\"\n").byteRange.lowerBound % 64 == 0)
        let order = ["z.é\"\n", "large", "none", "one"].map { file.tensors[$0]!.byteRange }
        #expect(zip(order, order.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(try folder.names == ["m.safetensors"])
    }

    @Test func aModelOfNoTensorsIsWritten() throws {
        let folder = try ModelTestFolder()
        try SafetensorsWriter.write([], to: folder.file("m"))
        #expect(try SafetensorsFile(contentsOf: folder.file("m")).tensors.isEmpty)
    }

    @Test func tensorsThatCannotBeWrittenAreRefused() throws {
        let folder = try ModelTestFolder()
        let url = try folder.put("m", "old")
        func message(_ tensors: [(String, [Int])], to url: URL) -> String? {
            let values: [Float] = [1, 2, 3, 4]
            return values.withUnsafeBufferPointer { values in
                ioiError {
                    try SafetensorsWriter.write(
                        tensors.map { (name: $0.0, shape: $0.1, values: values) },
                        to: url
                    )
                }
            }?.description
        }
        let path = url.path
        #expect(
            message([("w", [2, 3])], to: url)
                == "\(path): tensor \"w\": found 4 elements, expected those of shape [2, 3]"
        )
        #expect(
            message([("w", [-2, -2])], to: url)
                == "\(path): tensor \"w\": found 4 elements, expected those of shape [-2, -2]"
        )
        for name in ["w", "__metadata__"] {
            #expect(
                message([("w", [4]), (name, [4])], to: url)
                    == "\(path): tensor \"\(name)\": found twice, expected names that differ"
            )
        }
        let missing = folder.file("no/m")
        #expect(
            message([("w", [4])], to: missing)
                == "\(missing.path): cannot be written: No such file or directory"
        )
        #expect(try String(contentsOf: url, encoding: .utf8) == "old")
        #expect(try folder.names == ["m"])
    }
}
