/// The header of a safetensors file, read and checked against the file's length.
struct SafetensorsHeader {
    /// The format's own limit, in bytes.
    static let longest = 100_000_000
    static let metadataKey = "__metadata__"

    let tensors: [String: SafetensorsFile.Tensor]
    let metadata: [String: String]

    /// - Parameters:
    ///   - file: the whole file, 8 bytes or more.
    ///   - path: what errors call it.
    init(of file: UnsafeRawBufferPointer, path: String) throws {
        let declared = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard declared > 0 else {
            throw IOIError("\(path): found a header of 0 bytes, expected a JSON object")
        }
        guard declared <= UInt64(Self.longest) else {
            throw IOIError(
                "\(path): found a header length of \(declared) bytes, expected at most \(Self.longest): "
                    + "not a safetensors file?"
            )
        }
        let length = Int(declared)
        guard length <= file.count - 8 else {
            throw IOIError(
                "\(path): truncated: its header alone needs \(8 + length) bytes, "
                    + "found \(file.count) in the file"
            )
        }

        let document: StrictJSON
        do throws(StrictJSON.Failure) {
            document = try StrictJSON(parsing: UnsafeRawBufferPointer(rebasing: file[8..<8 + length]))
        } catch {
            throw IOIError("\(path): header: not sound JSON: \(error)")
        }
        guard case .object(var members) = document else {
            throw IOIError("\(path): header: found \(document.summary), expected an object")
        }
        metadata = try Self.strings(members.removeValue(forKey: Self.metadataKey), path: path)
        var tensors: [String: SafetensorsFile.Tensor] = [:]
        tensors.reserveCapacity(members.count)
        for name in members.keys.sorted() {
            tensors[name] = try Self.tensor(name, members[name]!, dataStart: 8 + length, path: path)
        }
        self.tensors = tensors
        try Self.checkCoverage(tensors.values, from: 8 + length, to: file.count, path: path)
    }

    private static func strings(_ value: StrictJSON?, path: String) throws -> [String: String] {
        guard let value else { return [:] }
        guard case .object(let members) = value else {
            throw IOIError("\(path): \(metadataKey): found \(value.summary), expected an object of strings")
        }
        return Dictionary(
            uniqueKeysWithValues: try members.map { key, value in
                guard case .string(let text) = value else {
                    throw IOIError(
                        "\(path): \(metadataKey): \(StrictJSON.quote(key)): found \(value.summary), "
                            + "expected a string"
                    )
                }
                return (key, text)
            }
        )
    }

    private static func tensor(
        _ name: String,
        _ entry: StrictJSON,
        dataStart: Int,
        path: String
    ) throws -> SafetensorsFile.Tensor {
        func error(_ field: String, _ value: StrictJSON?, _ expected: String) -> IOIError {
            IOIError(
                "\(path): tensor \(StrictJSON.quote(name)): \(field): found \(value?.summary ?? "nothing"), "
                    + "expected \(expected)"
            )
        }
        guard case .object(let fields) = entry else {
            throw error("header entry", entry, "an object with dtype, shape and data_offsets")
        }
        guard case .string(let typeName) = fields["dtype"], let dtype = SafetensorsDType(rawValue: typeName)
        else {
            throw error("dtype", fields["dtype"], "a type of the safetensors format, as \"F32\"")
        }
        guard let shape = naturals(fields["shape"]) else {
            throw error("shape", fields["shape"], "an array of integers that are not negative")
        }
        guard let offsets = naturals(fields["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1]
        else {
            throw error(
                "data_offsets",
                fields["data_offsets"],
                "two integers, 0 or more, the second not less"
            )
        }
        guard let bytes = byteCount(shape, dtype) else {
            throw error("shape", fields["shape"], "a whole number of bytes of \(typeName) that fits 64 bits")
        }
        guard offsets[1] - offsets[0] == bytes else {
            throw IOIError(
                "\(path): tensor \(StrictJSON.quote(name)): data_offsets: found \(offsets), "
                    + "\(offsets[1] - offsets[0])"
                    + " bytes, expected \(bytes) bytes for shape \(shape) of \(typeName)"
            )
        }
        let (end, overflow) = dataStart.addingReportingOverflow(offsets[1])
        guard !overflow else {
            throw error("data_offsets", fields["data_offsets"], "offsets that fit 64 bits")
        }
        return SafetensorsFile.Tensor(
            name: name,
            dtype: dtype,
            shape: shape,
            byteRange: dataStart + offsets[0]..<end
        )
    }

    private static func naturals(_ value: StrictJSON?) -> [Int]? {
        guard case .array(let elements) = value else { return nil }
        let numbers = elements.compactMap(\.integer)
        return numbers.count == elements.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
    }

    /// The size of a tensor; nil where it, or a product on the way to it, does not fit, or ends within a
    /// byte.
    private static func byteCount(_ shape: [Int], _ dtype: SafetensorsDType) -> Int? {
        var bits = dtype.bits
        for length in shape {
            let (product, overflow) = bits.multipliedReportingOverflow(by: length)
            guard !overflow else { return nil }
            bits = product
        }
        return bits % 8 == 0 ? bits / 8 : nil
    }

    /// The tensors have to cover the data from its start to the end of the file, each byte once.
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
                    previous.map { "the end of \(StrictJSON.quote($0.name))" } ?? "the end of the header"
                throw IOIError(
                    "\(path): tensor \(StrictJSON.quote(tensor.name)): found its data at byte \(found), "
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
                    + "tensor \(StrictJSON.quote(cut.name)) is the first cut off"
            )
        }
        guard covered == end else {
            throw IOIError(
                "\(path): found \(end) bytes, expected \(covered): \(end - covered) bytes belong to no tensor"
            )
        }
    }
}
