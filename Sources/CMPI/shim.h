#pragma once

#include <mpi.h>
#include <stddef.h>

// MPI as functions of plain types: its constants are macros, which Swift cannot read, and its handles are pointers in some
// implementations and numbers in others. All of it is among the ranks of MPI_COMM_WORLD.

enum { mpi_most_bytes = 1 << 30, mpi_stop_tag = 1 };

/// Joins the ranks. False if the library does not let a thread other than the first call it.
static inline int mpi_join(int *rank, int *count) {
    int level;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS) return 0;
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, count);
    return level >= MPI_THREAD_SERIALIZED;
}

/// Leaves them; waits for the others.
static inline void mpi_leave(void) { MPI_Finalize(); }

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

/// `sums` = this rank's share of the sum of `values` over the ranks; the shares have `counts` [ranks] values each.
static inline void mpi_sum_shares(const float *values, float *sums, const int *counts) {
    MPI_Reduce_scatter(values, sums, counts, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

/// Gives each rank's share of `bytes` to all: `counts` [ranks] bytes from `starts` [ranks].
static inline void mpi_gather_shares(void *bytes, const int *counts, const int *starts) {
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, bytes, counts, starts, MPI_BYTE, MPI_COMM_WORLD);
}

/// Tells another rank to stop.
static inline void mpi_tell_stop(int rank) {
    MPI_Request request;
    MPI_Isend(NULL, 0, MPI_BYTE, rank, mpi_stop_tag, MPI_COMM_WORLD, &request);
    MPI_Request_free(&request);
}

/// Whether another rank has told this one to stop.
static inline int mpi_is_told_to_stop(void) {
    int found;
    MPI_Iprobe(MPI_ANY_SOURCE, mpi_stop_tag, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
    return found;
}
