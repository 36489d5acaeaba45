#pragma once

#include <mpi.h>
#include <stddef.h>

// MPI as functions of plain types: its constants are macros, which Swift cannot read, and its handles are pointers in some
// implementations and numbers in others. All of it is among the ranks of MPI_COMM_WORLD.

enum { mpi_most_bytes = 1 << 30 };

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
