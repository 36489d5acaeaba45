import Foundation

/// The header of a safetensors file, read and checked against the file's length.
struct SafetensorsHeader {
    /// The format's own limit, in bytes.
    static let longest = 100_000_000

    let tensors: [String: SafetensorsFile.Tensor]
    let metadata: [String: String]

    /// - Parameters:
    ///   - file: the whole file, at least 8 bytes.
    ///   - path: names the file in errors.
    init(of file: UnsafeRawBufferPointer, path: String) throws {
        let declared = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard declared > 0 else {
            throw IOIError("\(path): found a header of 0 bytes, expected a JSON object")
        }
        guard declared <= UInt64(Self.longest) else {
            if let what = ForeignFile.name(beginning: file.prefix(64)) {
                throw IOIError("\(path): found \(what), expected a safetensors file")
            }
            throw IOIError(
                "\(path): found a header length of \(declared) bytes, expected at most \(Self.longest): not a "
                    + "safetensors file?"
            )
        }
        let length = Int(declared)
        guard length <= file.count - 8 else {
            throw IOIError(
                "\(path): truncated: its header alone needs \(8 + length) bytes, "
                    + "found \(file.count) in the file"
            )
        }

        let document = try InputFile.decode(
            SafetensorsDocument.self, from: Data(file[8..<8 + length]), path: "\(path): header"
        )
        metadata = document.metadata
        var tensors: [String: SafetensorsFile.Tensor] = [:]
        for (name, entry) in document.tensors.sorted(by: { $0.key < $1.key }) {
            tensors[name] = try Self.tensor(name, entry, dataStart: 8 + length, path: path)
        }
        self.tensors = tensors
        try Self.checkCoverage(tensors.values, from: 8 + length, to: file.count, path: path)
    }

    private static func tensor(
        _ name: String,
        _ entry: SafetensorsDocument.Entry,
        dataStart: Int,
        path: String
    ) throws -> SafetensorsFile.Tensor {
        func error(_ complaint: String) -> IOIError {
            IOIError("\(path): tensor \(name.quoted): \(complaint)")
        }
        guard let dtype = SafetensorsDType(rawValue: entry.dtype) else {
            throw error("dtype: found \(entry.dtype.quoted), expected a type of the safetensors format, as \"F32\"")
        }
        let shape = entry.shape.map(\.value)
        let offsets = entry.dataOffsets.map(\.value)
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw error("data_offsets: found \(offsets), expected two integers, the second not less")
        }
        guard let bytes = byteCount(shape, dtype) else {
            throw error("shape: found \(shape), expected a whole number of bytes of \(entry.dtype) that fits 64 bits")
        }
        guard offsets[1] - offsets[0] == bytes else {
            throw error(
                "data_offsets: found \(offsets), \(offsets[1] - offsets[0]) bytes, "
                    + "expected \(bytes) bytes for shape \(shape) of \(entry.dtype)"
            )
        }
        return SafetensorsFile.Tensor(
            name: name, dtype: dtype, shape: shape, byteRange: dataStart + offsets[0]..<dataStart + offsets[1]
        )
    }

    /// The size of a tensor; nil on overflow, or if it is not a whole number of bytes.
    private static func byteCount(_ shape: [Int], _ dtype: SafetensorsDType) -> Int? {
        var bits = dtype.bits
        for length in shape {
            let (product, overflow) = bits.multipliedReportingOverflow(by: length)
            guard !overflow else { return nil }
            bits = product
        }
        return bits % 8 == 0 ? bits / 8 : nil
    }

    /// The tensors must cover the data up to the end of the file, each byte once.
    private static func checkCoverage(
        _ tensors: some Sequence<SafetensorsFile.Tensor>,
        from start: Int,
        to end: Int,
        path: String
    ) throws {
        let ordered = tensors.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound, $0.name)
                < ($1.byteRange.lowerBound, $1.byteRange.upperBound, $1.name)
        }
        var covered = start
        var previous: SafetensorsFile.Tensor?
        for tensor in ordered {
            let found = tensor.byteRange.lowerBound
            guard found == covered else {
                let place =
                    previous.map { "the end of \($0.name.quoted)" } ?? "the end of the header"
                throw IOIError(
                    "\(path): tensor \(tensor.name.quoted): found its data at byte \(found), "
                        + (found < covered ? "overlapping other data, " : "after a hole, ")
                        + "expected byte \(covered), \(place)"
                )
            }
            covered = tensor.byteRange.upperBound
            previous = tensor
        }
        guard covered <= end else {
            let cut = ordered.first { $0.byteRange.upperBound > end }!
            throw IOIError(
                "\(path): truncated: found \(end) bytes, expected \(covered); "
                    + "tensor \(cut.name.quoted) is the first cut off"
            )
        }
        guard covered == end else {
            throw IOIError(
                "\(path): found \(end) bytes, expected \(covered): \(end - covered) bytes belong to no tensor"
            )
        }
    }
}

/// The header of a safetensors file as JSON.
struct SafetensorsDocument: Codable {
    package struct Entry: Codable {
        let dtype: String
        let shape: [WholeNumber]
        /// Start and end of the data, in bytes after the header.
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
