#pragma once

/// Renames a file or folder unless something of the new name exists.
/// - Returns: 0, or -1 with `errno`: EEXIST if something exists, ENOTSUP if the system or the file system cannot do it.
int files_rename_new(const char *from, const char *to);
