import Foundation

/// Writes a file sequentially. Small writes are buffered; large ones go to the system without a copy.
///
/// After an error every later call throws it again, so that a file with a gap is never completed.
public struct FileWriter: ~Copyable {
    private static let bufferSize = 1 << 18

    private let descriptor: Int32
    /// For error messages.
    private let path: String
    /// The final length in bytes, if known.
    private let expectedSize: Int?
    private var buffer: [UInt8] = []
    private var failure: IOIError?
    /// Bytes passed to the system so far.
    private var written = 0

    init(descriptor: Int32, path: String, expectedSize: Int?) {
        self.descriptor = descriptor
        self.path = path
        self.expectedSize = expectedSize
    }

    /// Appends bytes.
    /// - Throws: ``IOIError`` naming the file if the system refuses (disk full, …).
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let failure { throw failure }
        if buffer.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize {
            try send(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends bytes.
    /// - Throws: ``IOIError`` naming the file if the system refuses (disk full, …).
    public mutating func write(_ data: Data) throws {
        try data.withUnsafeBytes { bytes in try write(bytes) }
    }

    /// Appends text as UTF-8.
    /// - Throws: ``IOIError`` naming the file if the system refuses (disk full, …).
    public mutating func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { bytes in try write(UnsafeRawBufferPointer(bytes)) }
    }

    /// What writes at any place of the file from now on, behind what was written so far or before it.
    mutating func places() throws -> FilePlaces {
        try flush()
        return FilePlaces(descriptor: descriptor, path: path, expectedSize: expectedSize)
    }

    /// Passes the buffer to the system.
    mutating func flush() throws {
        if let failure { throw failure }
        guard !buffer.isEmpty else { return }
        var pending: [UInt8] = []
        swap(&pending, &buffer)
        try pending.withUnsafeBytes { bytes in try send(bytes) }
        pending.removeAll(keepingCapacity: true)
        swap(&pending, &buffer)
    }

    private mutating func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = systemWrite(descriptor, rest)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = outputError(path, count == 0 ? EIO : errno, written: written, expectedSize: expectedSize)
                failure = error
                throw error
            }
            written += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

/// Writes at any place of an open file, which may grow by it.
struct FilePlaces {
    let descriptor: Int32
    /// For error messages.
    let path: String
    /// The final length in bytes, if known.
    let expectedSize: Int?

    /// - Throws: ``IOIError`` naming the file if the system refuses (disk full, a pipe, …).
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var (rest, offset) = (bytes, offset)
        while !rest.isEmpty {
            let count = systemWrite(descriptor, rest, at: offset)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw outputError(path, count == 0 ? EIO : errno, expectedSize: expectedSize) }
            offset += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

/// The error for an output file; for a full disk it gives the space available and the space needed.
func outputError(_ path: String, _ code: Int32, written: Int = 0, expectedSize: Int? = nil) -> IOIError {
    var text = "\(path): cannot be written: \(systemError(code))"
    if code == ENOSPC || code == EDQUOT {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var status = statvfs()
        if code == ENOSPC, statvfs(folder, &status) == 0 {
            // Removing the partial file frees what it has taken.
            text += ": \(UInt64(status.f_bavail) * UInt64(status.f_frsize) + UInt64(written)) bytes free"
        }
        if let expectedSize { text += ", \(expectedSize) bytes needed" }
    }
    return IOIError(text)
}
