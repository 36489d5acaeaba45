#pragma once

#include <stdbool.h>

/// Gives each of the descriptors 0 to 2 that is closed a file that can be neither read nor written as it should be, so
/// that no file that is opened later takes its place.
void process_hold_standard_descriptors(void);

/// Whether a signal is ignored, as `nohup` makes it.
bool process_ignores(int signal);
