#pragma once

#include <stdbool.h>
#include <stddef.h>

// Threads that may be refused: libdispatch waits for ever where the system lets it make none.

/// Calls `body` with `context` and each of 0 to `count` - 1, on the calling thread and on up to `helpers` others, and
/// returns when all calls have. The others are made when they are first needed and kept; where the system refuses them,
/// the work is done by those there are. May be called from several threads, and from `body`.
void threads_share(size_t count, size_t helpers, void *context, void (*body)(void *context, size_t index));

/// Calls `body` with `context` on a thread of its own that no signal interrupts.
/// - Returns: false if the system refuses the thread; `body` is not called then.
bool threads_start(void *context, void (*body)(void *context));
