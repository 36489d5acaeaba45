#include "mappings.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// A remembered mapping. The handler reads the list while other threads may change it, so places are never freed: one
/// that is forgotten has no length, and is used again.
struct mapping {
    struct mapping *next;
    _Atomic(const char *) start;
    atomic_size_t length;
    char *_Atomic path;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct mapping *) mappings;
static const char *prefix = "";
static struct sigaction before;

void *mappings_remember(const void *start, size_t length, const char *path) {
    char *copy = strdup(path);
    if (!copy) return NULL;
    pthread_mutex_lock(&lock);
    struct mapping *mapping = mappings;
    while (mapping && mapping->length) mapping = mapping->next;
    if (!mapping && (mapping = calloc(1, sizeof *mapping))) {
        mapping->next = mappings;
        mappings = mapping;
    }
    if (mapping) {
        free(mapping->path);
        mapping->path = copy;
        mapping->start = start;
        mapping->length = length;
    } else {
        free(copy);
    }
    pthread_mutex_unlock(&lock);
    return mapping;
}

void mappings_forget(void *place) {
    struct mapping *mapping = place;
    if (mapping) mapping->length = 0;
}

static void say(const char *text) {
    size_t left = strlen(text);
    while (left) {
        ssize_t count = write(STDERR_FILENO, text, left);
        if (count <= 0) return;
        text += count;
        left -= (size_t)count;
    }
}

static void explain(int number, siginfo_t *info, void *context) {
    (void)context;
    const char *address = info->si_addr;
    for (struct mapping *mapping = mappings; mapping; mapping = mapping->next) {
        const char *start = mapping->start;
        if (address < start || (size_t)(address - start) >= mapping->length) continue;
        say(prefix);
        say(mapping->path);
        say(": cannot be read: it was shortened while it was in use, or its disk failed\n");
        _exit(1);
    }
    // The instruction runs again, now to the handler that was there before.
    sigaction(number, &before, NULL);
}

void mappings_explain(const char *text) {
    char *copy = strdup(text);
    if (copy) prefix = copy;
    struct sigaction action = {.sa_sigaction = explain, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}
