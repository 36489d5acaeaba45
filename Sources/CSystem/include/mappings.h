#pragma once

#include <stddef.h>

// A page of a mapped file that is no longer there, because the file was shortened, or cannot be read, raises SIGBUS.

/// Remembers a mapping of a file.
/// - Returns: what `mappings_forget` takes; NULL without memory, and then a missing page is not explained.
void *mappings_remember(const void *start, size_t length, const char *path);

/// Forgets a mapping, before it is removed.
void mappings_forget(void *mapping);

/// From now on a missing page of a remembered mapping ends the process with exit code 1 and one line on standard error:
/// `prefix`, the file's path, and what happened. Any other SIGBUS does what it did before.
void mappings_explain(const char *prefix);
