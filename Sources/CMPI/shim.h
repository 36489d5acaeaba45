#pragma once

#include <mpi.h>
#include <stddef.h>
#include <time.h>

// MPI as functions of plain types: its constants are macros, which Swift cannot read, and its handles are pointers in some
// implementations and numbers in others. All of it is among the ranks of MPI_COMM_WORLD.

enum { mpi_most_bytes = 1 << 30, mpi_exchange_tag = 10 };

/// Joins the ranks; `on_node` of them are on this machine. False if threads other than the first may not call MPI.
static inline int mpi_join(int *rank, int *count, int *on_node) {
    int level;
    MPI_Comm node;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS) return 0;
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, count);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, on_node);
    MPI_Comm_free(&node);
    return level >= MPI_THREAD_SERIALIZED;
}

/// Leaves them, if they were joined; waits for the others.
static inline void mpi_leave(void) {
    int joined, left;
    MPI_Initialized(&joined);
    MPI_Finalized(&left);
    if (joined && !left) MPI_Finalize();
}

/// Ends all ranks at once.
static inline void mpi_end(int code) { MPI_Abort(MPI_COMM_WORLD, code); }

/// The name and version of the implementation, at most `capacity` bytes.
static inline void mpi_name(char *name, int capacity) {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(text, &length);
    for (int i = 0; i < capacity; i++) {
        name[i] = i < capacity - 1 && i < length && text[i] != '\n' ? text[i] : 0;
        if (!name[i]) break;
    }
}

/// Gives the bytes of one rank to all.
static inline void mpi_broadcast(void *bytes, long count, int root) {
    for (long start = 0; start < count; start += mpi_most_bytes) {
        long size = count - start < mpi_most_bytes ? count - start : mpi_most_bytes;
        MPI_Bcast((char *)bytes + start, (int)size, MPI_BYTE, root, MPI_COMM_WORLD);
    }
}

/// `all` [ranks] = the `value` of each rank.
static inline void mpi_gather(long value, long *all) {
    MPI_Allgather(&value, 1, MPI_LONG, all, 1, MPI_LONG, MPI_COMM_WORLD);
}

/// Replaces each value by its sum over the ranks.
static inline void mpi_sum(double *values, int count) {
    MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

/// Gives each other rank `sizes_out` [ranks] bytes from `out` [ranks], and gets `sizes_in` [ranks] bytes from each into
/// `in` [ranks].
///
/// Sleeps until all of them are ready: a thread that asked all the time would take a processor from those that compute.
static inline void mpi_exchange(
    void *const *out, const int *sizes_out, void *const *in, const int *sizes_in, int rank, int ranks
) {
    MPI_Request requests[2 * ranks];
    for (int round = 0; round < 2; round++) {
        int count = 0;
        for (int step = 1; step < ranks; step++) {
            int from = (rank + ranks - step) % ranks;
            if (sizes_in[from] == 0) continue;
            MPI_Irecv(
                in[from], round ? sizes_in[from] : 0, MPI_BYTE, from, mpi_exchange_tag, MPI_COMM_WORLD, &requests[count++]);
        }
        for (int step = 1; step < ranks; step++) {
            int to = (rank + step) % ranks;
            if (sizes_out[to] == 0) continue;
            MPI_Isend(
                out[to], round ? sizes_out[to] : 0, MPI_BYTE, to, mpi_exchange_tag, MPI_COMM_WORLD, &requests[count++]);
        }
        for (int done = round; !done;) {
            MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
            if (!done) nanosleep(&(struct timespec){0, 20000}, NULL);
        }
        if (round) MPI_Waitall(count, requests, MPI_STATUSES_IGNORE);
    }
}

/// Sends a rank a message that is only its tag, and does not wait for it.
static inline void mpi_tell(int rank, int tag) {
    MPI_Request request;
    MPI_Isend(NULL, 0, MPI_BYTE, rank, tag, MPI_COMM_WORLD, &request);
    MPI_Request_free(&request);
}

/// Whether such a message has come, which stays until it is taken.
static inline int mpi_is_told(int tag) {
    int found;
    MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
    return found;
}

/// Takes such a message, which has come.
static inline void mpi_take(int tag) {
    MPI_Recv(NULL, 0, MPI_BYTE, MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}
