#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/// A call of threads_share. It is on its caller's stack.
struct job {
    struct job *next;
    void (*body)(void *, size_t);
    void *context;
    size_t count;
    /// The calls that were taken.
    atomic_size_t taken;
    /// How many more threads may help, and how many do. Guarded by `lock`.
    size_t wanted, helping;
    pthread_cond_t left;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
// Guarded by `lock`.
static struct job *jobs;
static size_t thread_count, waiting;
static bool refused;

static void take_calls(struct job *job) {
    size_t index;
    while ((index = atomic_fetch_add(&job->taken, 1)) < job->count) job->body(job->context, index);
}

static struct job *wanting_job(void) {
    struct job *job = jobs;
    while (job && !(job->wanted && atomic_load(&job->taken) < job->count)) job = job->next;
    return job;
}

static void *help(void *unused) {
    pthread_mutex_lock(&lock);
    for (;;) {
        struct job *job = wanting_job();
        if (!job) {
            waiting++;
            pthread_cond_wait(&work, &lock);
            waiting--;
            continue;
        }
        job->wanted--;
        job->helping++;
        pthread_mutex_unlock(&lock);
        take_calls(job);
        pthread_mutex_lock(&lock);
        if (--job->helping == 0) pthread_cond_signal(&job->left);
    }
    return unused;
}

/// Makes a detached thread that blocks all signals but those of its own faults: if these were blocked, the system would
/// end the process without calling a handler.
static bool make_thread(void *(*body)(void *), void *context) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t index = 0; index < sizeof faults / sizeof *faults; index++) sigdelset(&blocked, faults[index]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    pthread_t thread;
    bool made = pthread_create(&thread, NULL, body, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (made) pthread_detach(thread);
    return made;
}

void threads_share(size_t count, size_t helpers, void *context, void (*body)(void *, size_t)) {
    if (count == 0) return;
    struct job job = {.body = body, .context = context, .count = count};
    job.wanted = helpers < count - 1 ? helpers : count - 1;
    if (job.wanted == 0) return take_calls(&job);
    pthread_cond_init(&job.left, NULL);

    pthread_mutex_lock(&lock);
    while (thread_count < job.wanted && !refused) {
        if (make_thread(help, NULL)) thread_count++;
        else refused = true;
    }
    job.next = jobs;
    jobs = &job;
    size_t woken = job.wanted < waiting ? job.wanted : waiting;
    pthread_mutex_unlock(&lock);
    // A thread that is woken takes the lock.
    while (woken--) pthread_cond_signal(&work);

    take_calls(&job);

    pthread_mutex_lock(&lock);
    struct job **place = &jobs;
    while (*place != &job) place = &(*place)->next;
    *place = job.next;
    while (job.helping) pthread_cond_wait(&job.left, &lock);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&job.left);
}

struct start {
    void (*body)(void *);
    void *context;
};

static void *run_start(void *argument) {
    struct start start = *(struct start *)argument;
    free(argument);
    start.body(start.context);
    return NULL;
}

bool threads_start(void *context, void (*body)(void *)) {
    struct start *start = malloc(sizeof *start);
    if (!start) return false;
    *start = (struct start){body, context};
    if (make_thread(run_start, start)) return true;
    free(start);
    return false;
}
