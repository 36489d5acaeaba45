import Foundation

/// A safetensors file, mapped into memory.
///
/// The layout is Hugging Face's: the length of the header (8 bytes, little-endian), the header (a JSON
/// object: for each tensor its type, shape and byte range), then the data, which the tensors cover without
/// gaps or overlaps. All of that is checked on opening. The mapping is private and writable: numbers may be
/// changed in place without touching the file. Pointers into it are valid as long as the object lives.
public final class SafetensorsFile: @unchecked Sendable {
    // Unchecked: nothing in the object changes after `init`; who writes through the pointers it hands out has
    // to order that with other readers, as with any shared memory.

    /// One tensor of the file.
    public struct Tensor: Sendable, Equatable {
        public let name: String
        public let dtype: SafetensorsDType
        /// The length of each axis, outermost first; empty for a single number.
        public let shape: [Int]
        /// Where its data lies, in bytes from the start of the file.
        public let byteRange: Range<Int>

        /// The number of elements: the product of the shape.
        public var count: Int { shape.reduce(1, *) }
    }

    /// The file, for errors.
    public let url: URL
    /// All tensors by name.
    public let tensors: [String: Tensor]
    /// The strings under `__metadata__`; none where it is absent.
    public let metadata: [String: String]

    private let mapping: UnsafeMutableRawBufferPointer

    /// Maps a file and checks its header.
    /// - Throws: `IOIError` naming the file, and the tensor where it is about one, for whatever is not as the
    ///   format demands.
    public init(contentsOf url: URL) throws {
        let mapping = try Self.map(url)
        do {
            let header = try SafetensorsHeader(of: UnsafeRawBufferPointer(mapping), path: url.path)
            tensors = header.tensors
            metadata = header.metadata
        } catch {
            munmap(mapping.baseAddress!, mapping.count)
            throw error
        }
        self.url = url
        self.mapping = mapping
    }

    deinit {
        munmap(mapping.baseAddress!, mapping.count)
    }

    /// The tensor of a name.
    /// - Throws: `IOIError` where there is none.
    public func tensor(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw IOIError(
                "\(url.path): expected a tensor \(name.quoted), found none of that name"
            )
        }
        return tensor
    }

    /// The numbers of an F32 tensor where they lie, row-major, without a copy.
    /// - Returns: nil where the tensor has to be copied instead: it is F16 or BF16, or does not start at a
    ///   multiple of 4 bytes.
    /// - Throws: `IOIError` where there is no such tensor or it holds no floating-point numbers that can be
    ///   read.
    public func floats(_ name: String) throws -> UnsafeMutableBufferPointer<Float>? {
        let tensor = try floatTensor(name)
        let start = mapping.baseAddress! + tensor.byteRange.lowerBound
        guard tensor.dtype == .f32, UInt(bitPattern: start) % 4 == 0 else { return nil }
        return UnsafeMutableBufferPointer(
            start: start.bindMemory(to: Float.self, capacity: tensor.count),
            count: tensor.count
        )
    }

    /// Copies the numbers of an F32, F16 or BF16 tensor, row-major.
    /// - Parameter target: has to be as long as the tensor.
    /// - Throws: `IOIError` where there is no such tensor, it holds no floating-point numbers that can be
    ///   read, or has another number of elements.
    public func copy(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
        let tensor = try floatTensor(name)
        guard tensor.count == target.count else {
            throw IOIError(
                "\(url.path): tensor \(name.quoted): found shape \(tensor.shape), "
                    + "expected \(target.count) elements"
            )
        }
        let source = UnsafeRawPointer(mapping.baseAddress! + tensor.byteRange.lowerBound)
        switch tensor.dtype {
        case .f16: HalfPrecision.widenF16(source, into: target)
        case .bf16: HalfPrecision.widenBF16(source, into: target)
        default:
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(start: source, count: tensor.byteRange.count)
            )
        }
    }

    private func floatTensor(_ name: String) throws -> Tensor {
        let tensor = try tensor(name)
        guard [.f32, .f16, .bf16].contains(tensor.dtype) else {
            throw IOIError(
                "\(url.path): tensor \(name.quoted): found type \(tensor.dtype.rawValue), "
                    + "expected F32, F16 or BF16"
            )
        }
        return tensor
    }

    private static func map(_ url: URL) throws -> UnsafeMutableRawBufferPointer {
        let (descriptor, size) = try InputFile.open(url)
        defer { close(descriptor) }
        guard size >= 8 else {
            throw IOIError(
                "\(url.path): found \(size) bytes, expected a safetensors file (8 bytes and a header)"
            )
        }
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else {
            throw IOIError("\(url.path): cannot be mapped into memory (\(size) bytes): \(systemError(errno))")
        }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }
}
