import Foundation

/// Writes a file from its start to its end. Small pieces are gathered, large ones go to the system uncopied.
///
/// The first error stays: every later call throws it again, so that a file with a piece missing is never
/// finished.
public struct FileWriter: ~Copyable {
    private static let bufferSize = 1 << 18

    private let descriptor: Int32
    /// The file that errors name.
    private let path: String
    /// How long the file will be, in bytes, where that is known.
    private let expectedSize: Int?
    private var buffer: [UInt8] = []
    private var failure: IOIError?
    /// The number of bytes given to the system so far.
    private var written = 0

    init(descriptor: Int32, path: String, expectedSize: Int?) {
        self.descriptor = descriptor
        self.path = path
        self.expectedSize = expectedSize
    }

    /// Appends bytes to the file.
    /// - Throws: `IOIError` naming the file where the system refuses (disk full, …).
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        if let failure { throw failure }
        if buffer.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize {
            try send(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends bytes to the file.
    /// - Throws: `IOIError` naming the file where the system refuses (disk full, …).
    public mutating func write(_ data: Data) throws {
        try data.withUnsafeBytes { bytes in try write(bytes) }
    }

    /// Appends text in UTF-8 to the file.
    /// - Throws: `IOIError` naming the file where the system refuses (disk full, …).
    public mutating func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { bytes in try write(UnsafeRawBufferPointer(bytes)) }
    }

    /// Hands what was gathered to the system.
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
                let error = outputError(
                    path,
                    count == 0 ? EIO : errno,
                    written: written,
                    expectedSize: expectedSize
                )
                failure = error
                throw error
            }
            written += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

/// The error of an output file, with the room there is and the room needed where the disk is full.
func outputError(_ path: String, _ code: Int32, written: Int = 0, expectedSize: Int? = nil) -> IOIError {
    var text = "\(path): cannot be written: \(systemError(code))"
    if code == ENOSPC || code == EDQUOT {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var status = statvfs()
        if code == ENOSPC, statvfs(folder, &status) == 0 {
            // What this file took already comes back when it is removed.
            text += ": \(UInt64(status.f_bavail) * UInt64(status.f_frsize) + UInt64(written)) bytes free"
        }
        if let expectedSize { text += ", \(expectedSize) bytes needed" }
    }
    return IOIError(text)
}
