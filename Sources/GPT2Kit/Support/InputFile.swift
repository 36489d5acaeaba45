import Foundation

/// Reads files; errors are one line each.
package enum InputFile {
    /// Opens a regular file and returns its length in bytes. The caller closes the descriptor.
    static func open(_ url: URL) throws -> (descriptor: Int32, size: Int) {
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let descriptor = systemOpen(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw IOIError("\(url.path): cannot be read: \(systemError(errno))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            defer { close(descriptor) }
            throw IOIError("\(url.path): cannot be read: \(systemError(errno))")
        }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG else {
            close(descriptor)
            throw IOIError("\(url.path): found \(kind == S_IFDIR ? "a folder" : "a device or pipe"), expected a file")
        }
        return (descriptor, Int(status.st_size))
    }

    /// Reads a whole file.
    /// - Parameter limit: the greatest size allowed, in bytes.
    /// - Throws: ``IOIError`` naming the file if it cannot be read or is larger.
    package static func read(_ url: URL, limit: Int = 100_000_000) throws -> Data {
        let (descriptor, size) = try open(url)
        defer { close(descriptor) }
        guard size <= limit else {
            throw IOIError("\(url.path): found \(size) bytes, expected at most \(limit)")
        }
        var data = Data(count: size)
        var filled = 0
        while filled < size {
            let count = data.withUnsafeMutableBytes { bytes in
                systemRead(descriptor, UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = count == 0 ? "it ended after \(filled) of \(size) bytes" : systemError(errno)
                throw IOIError("\(url.path): cannot be read: \(reason)")
            }
            filled += count
        }
        return data
    }
}

// Types with methods named `open`, `read` and `write` reach the C functions by these names.

func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t = 0) -> Int32 {
    open(path, flags, mode)
}

func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, bytes.baseAddress, bytes.count)
}

func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
}

func systemError(_ code: Int32) -> String {
    String(cString: strerror(code))
}
