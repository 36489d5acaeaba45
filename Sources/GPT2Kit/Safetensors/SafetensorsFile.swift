import CSystem
import Foundation

/// A safetensors file, mapped into memory.
///
/// The layout is Hugging Face's: the length of the header (8 bytes, little-endian), the header (a JSON object with the
/// type, shape and byte range of each tensor), then the data, which the tensors cover without gaps or overlaps. All of
/// this is checked on opening. The mapping is private and writable: values may be changed in place without changing the
/// file. Pointers into it are valid for the lifetime of the object.
public final class SafetensorsFile: @unchecked Sendable {
    // Unchecked: the object never changes after `init`. Writes through its pointers must be synchronised with readers,
    // as with any shared memory.

    /// One tensor of the file.
    public struct Tensor: Sendable, Equatable {
        public let name: String
        public let dtype: SafetensorsDType
        /// The length of each axis, outermost first; empty for a single number.
        public let shape: [Int]
        /// The bytes of its data, from the start of the file.
        public let byteRange: Range<Int>

        /// The number of elements: the product of the shape.
        public var count: Int { shape.reduce(1, *) }
    }

    public let url: URL
    /// All tensors by name.
    public let tensors: [String: Tensor]
    /// The strings under `__metadata__`; empty if absent.
    public let metadata: [String: String]

    /// SHA-256 of the file that is mapped, even if another one has its name by now.
    package let hash: FileHash
    private let mapping: UnsafeMutableRawBufferPointer
    /// What explains a page that can no longer be read.
    private let remembered: UnsafeMutableRawPointer?

    /// Maps a file and checks its header.
    /// - Throws: ``IOIError`` naming the file, and the tensor if the error is about one, if the file cannot be read or
    ///   violates the format.
    public init(contentsOf url: URL) throws {
        let file = try OpenFile(url)
        let mapping = try Self.map(file)
        let remembered = mappings_remember(mapping.baseAddress, mapping.count, url.path)
        do {
            let header = try SafetensorsHeader(of: UnsafeRawBufferPointer(mapping), path: url.path)
            tensors = header.tensors
            metadata = header.metadata
        } catch {
            mappings_forget(remembered)
            munmap(mapping.baseAddress!, mapping.count)
            throw error
        }
        self.url = url
        hash = FileHash(of: file)
        self.mapping = mapping
        self.remembered = remembered
    }

    deinit {
        mappings_forget(remembered)
        munmap(mapping.baseAddress!, mapping.count)
    }

    /// - Throws: ``IOIError`` if there is no tensor of this name.
    public func tensor(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw IOIError("\(url.path): expected a tensor \(name.quoted), found none of that name")
        }
        return tensor
    }

    /// The values of an F32 tensor in place, row-major.
    /// - Returns: nil if the tensor must be copied: it is F16 or BF16, or does not start at a multiple of 4 bytes.
    /// - Throws: ``IOIError`` if there is no such tensor or its type is not F32, F16 or BF16.
    public func floats(_ name: String) throws -> UnsafeMutableBufferPointer<Float>? {
        let tensor = try floatTensor(name)
        let start = mapping.baseAddress! + tensor.byteRange.lowerBound
        guard tensor.dtype == .f32, UInt(bitPattern: start) % 4 == 0 else { return nil }
        return UnsafeMutableBufferPointer(
            start: start.bindMemory(to: Float.self, capacity: tensor.count), count: tensor.count
        )
    }

    /// Copies the values of an F32, F16 or BF16 tensor, row-major.
    /// - Parameters:
    ///   - target: as long as the tensor.
    ///   - name: the name of the tensor.
    ///   - workers: the threads that copy.
    /// - Throws: ``IOIError`` if there is no such tensor, its type is another, or its length differs from the target's.
    public func copy(
        _ name: String, into target: UnsafeMutableBufferPointer<Float>, workers: Workers = Workers(count: 1)
    ) throws {
        let tensor = try floatTensor(name)
        guard tensor.count == target.count else {
            throw IOIError(
                "\(url.path): tensor \(name.quoted): found shape \(tensor.shape), "
                    + "expected \(target.count) elements"
            )
        }
        let source = UnsafeRawPointer(mapping.baseAddress! + tensor.byteRange.lowerBound)
        workers.share(target.count, nanoseconds: 0.5) { range in
            let target = UnsafeMutableBufferPointer(rebasing: target[range])
            switch tensor.dtype {
            case .f16: HalfPrecision.widenF16(source + 2 * range.lowerBound, into: target)
            case .bf16: HalfPrecision.widenBF16(source + 2 * range.lowerBound, into: target)
            default:
                UnsafeMutableRawBufferPointer(target).copyMemory(
                    from: UnsafeRawBufferPointer(start: source + 4 * range.lowerBound, count: 4 * range.count)
                )
            }
        }
    }

    /// Copies some bytes of a tensor.
    ///
    /// - Parameters:
    ///   - form: the tensor.
    ///   - part: which of its bytes.
    ///   - target: where the tensor begins in memory.
    ///   - workers: the threads that copy.
    /// - Throws: ``IOIError`` if there is no such tensor, or its type or shape is another.
    package func copyBytes(
        _ form: TensorForm,
        _ part: Range<Int>,
        into target: UnsafeMutableRawPointer,
        workers: Workers
    ) throws {
        let tensor = try tensor(form.name)
        guard tensor.dtype == form.dtype, tensor.shape == form.shape else {
            throw IOIError(
                "\(url.path): tensor \(form.name.quoted): found shape \(tensor.shape) of \(tensor.dtype.rawValue), "
                    + "expected \(form.shape) of \(form.dtype.rawValue)"
            )
        }
        let source = UnsafeRawPointer(mapping.baseAddress! + tensor.byteRange.lowerBound)
        workers.share(part.count, nanoseconds: 0.2) { range in
            let start = part.lowerBound + range.lowerBound
            (target + start).copyMemory(from: source + start, byteCount: range.count)
        }
    }

    /// Gives a tensor's memory back to the system, which reads it again where it is needed. What was changed in place is
    /// lost.
    package func giveBack(_ name: String) {
        // Only pages that hold nothing else.
        guard let bytes = tensors[name]?.byteRange else { return }
        let page = Int(getpagesize())
        let start = (bytes.lowerBound + page - 1) / page * page
        let end = bytes.upperBound == mapping.count ? mapping.count : bytes.upperBound / page * page
        if start < end { madvise(mapping.baseAddress! + start, end - start, MADV_DONTNEED) }
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

    private static func map(_ file: OpenFile) throws -> UnsafeMutableRawBufferPointer {
        let (url, size) = (file.url, file.size)
        guard size >= 8 else {
            throw IOIError("\(url.path): found \(size) bytes, expected a safetensors file (8 bytes and a header)")
        }
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.descriptor, 0)
        guard let start, start != MAP_FAILED else {
            throw IOIError("\(url.path): cannot be mapped into memory (\(size) bytes): \(systemError(errno))")
        }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }
}

/// The element types of the safetensors format. Only F32, F16 and BF16 can be read; tensors of the other types (GPT-2's
/// attention masks, for example) may be present.
public enum SafetensorsDType: String, Sendable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case u16 = "U16"
    case i16 = "I16"
    case u32 = "U32"
    case i32 = "I32"
    case u64 = "U64"
    case i64 = "I64"
    case f4 = "F4"
    case f6e2m3 = "F6_E2M3"
    case f6e3m2 = "F6_E3M2"
    case f8e5m2 = "F8_E5M2"
    case f8e4m3 = "F8_E4M3"
    case f8e5m2fnuz = "F8_E5M2FNUZ"
    case f8e4m3fnuz = "F8_E4M3FNUZ"
    case f8e8m0 = "F8_E8M0"
    case f16 = "F16"
    case bf16 = "BF16"
    case f32 = "F32"
    case f64 = "F64"
    case c64 = "C64"

    /// The size of one element in bits.
    var bits: Int {
        switch self {
        case .f4: 4
        case .f6e2m3, .f6e3m2: 6
        case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0: 8
        case .u16, .i16, .f16, .bf16: 16
        case .u32, .i32, .f32: 32
        case .u64, .i64, .f64, .c64: 64
        }
    }
}

/// Conversion of 16-bit floats in a file to `Float`, which is exact.
///
/// The loops have no branches or calls, so that the compiler can vectorise them. `Float(Float16)` compiles to a call per
/// element for processors that may lack the instruction.
enum HalfPrecision {
    /// IEEE 754 binary16: 5 exponent bits of bias 15, 10 mantissa bits.
    static func widenF16(_ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>) {
        guard let out = target.baseAddress else { return }
        for index in 0..<target.count {
            let half = UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            let magnitude = half & 0x7fff
            // The exponent bias goes from 15 to 127; for infinities and NaN the exponent becomes all ones.
            let rebias: UInt32 = magnitude >= 0x7c00 ? 224 << 23 : 112 << 23
            let normal = magnitude << 13 &+ rebias
            // A subnormal half is its mantissa times 2⁻²⁴.
            let subnormal = (Float(Int32(bitPattern: magnitude)) * 0x1p-24).bitPattern
            let bits = magnitude < 0x400 ? subnormal : normal
            out[index] = Float(bitPattern: bits | (half & 0x8000) << 16)
        }
    }

    /// bfloat16: the upper half of a `Float`.
    static func widenBF16(_ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>) {
        guard let out = target.baseAddress else { return }
        for index in 0..<target.count {
            let half = UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            out[index] = Float(bitPattern: half << 16)
        }
    }
}
