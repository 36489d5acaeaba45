#include "kernels.h"

#include <math.h>
#include <string.h>

// As Swift compiles floating point: a fused multiply-add would round differently where a processor has it.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINED static inline __attribute__((always_inline))

/// Before a loop whose arrays are the same or do not overlap: otherwise an array that is its own output would be taken
/// one value at a time.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")

/// The numbers that are summed side by side, whatever the width of a vector.
#define LANES 16

INLINED uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINED float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/// e^x to within 2 units in the last place; 0 below −87.3, e^88 above 88, NaN for NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds x / ln 2 to the integer n and leaves it in the low bits, from
/// where a shift makes it an exponent; e^r is its Taylor series to the seventh power.
INLINED float exponential(float x) {
    float limited = x > 88 ? 88 : x;
    limited = limited < -87.3f ? -87.3f : limited;
    float shifted = limited * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = (limited - n * 0.693359375f) + n * 2.1219444e-4f;
    float series = r * (1.0f / 5040) + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 1.0f / 2;
    series = (series * r) * r + r + 1;
    float scaled = from_bits(bits_of(series) + (bits_of(shifted) << 23));
    return x < -87.3f ? 0 : scaled;
}

INLINED float sum_of(float *lanes) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
}

// √(2/π), and the weight of the cube.
#define SCALE 0.7978845608028654f
#define CUBIC 0.044715f

INLINED float sigmoid(float x) { return 1 / (1 + exponential(-x)); }

FOR_EACH_PROCESSOR
void kernels_gelu(const float *x, float *y, long count) {
    INDEPENDENT
    for (long i = 0; i < count; i++) {
        float value = x[i];
        y[i] = value * sigmoid(2 * SCALE * (value + CUBIC * value * value * value));
    }
}

FOR_EACH_PROCESSOR
void kernels_gelu_gradient(const float *x, float *y, float *gradient, long count) {
    INDEPENDENT
    for (long i = 0; i < count; i++) {
        float value = x[i];
        float s = sigmoid(2 * SCALE * (value + CUBIC * value * value * value));
        y[i] = value * s;
        gradient[i] *= s + value * s * (1 - s) * (2 * SCALE) * (1 + 3 * CUBIC * value * value);
    }
}

/// The normal distribution function, ½ erfc(−x / √2), to within 4·10⁻⁷ of its value near 0, by a fit of erfc as
/// t·e^(−z² + p(t)) with t = 1 / (1 + z/2) (Numerical Recipes, "Special functions", 6.2).
INLINED float normal(float x) {
    float z = fabsf(x) * 0.70710678f;
    float t = 1 / (1 + 0.5f * z);
    float series = 0.17087277f * t - 0.82215223f;
    series = series * t + 1.48851587f;
    series = series * t - 1.13520398f;
    series = series * t + 0.27886807f;
    series = series * t - 0.18628806f;
    series = series * t + 0.09678418f;
    series = series * t + 0.37409196f;
    series = series * t + 1.00002368f;
    series = series * t - 1.26551223f;
    float tail = 0.5f * t * exponential(series - z * z);
    return x < 0 ? tail : 1 - tail;
}

// 1 / √(2π)
#define DENSITY 0.3989422804014327f

FOR_EACH_PROCESSOR
void kernels_gelu_exact(const float *x, float *y, long count) {
    INDEPENDENT
    for (long i = 0; i < count; i++) y[i] = x[i] * normal(x[i]);
}

FOR_EACH_PROCESSOR
void kernels_gelu_exact_gradient(const float *x, float *y, float *gradient, long count) {
    INDEPENDENT
    for (long i = 0; i < count; i++) {
        float value = x[i];
        float share = normal(value);
        y[i] = value * share;
        gradient[i] *= share + value * (DENSITY * exponential(-0.5f * value * value));
    }
}

FOR_EACH_PROCESSOR
void kernels_add(const float *x, float factor, const float *y, float *out, long count) {
    INDEPENDENT
    for (long i = 0; i < count; i++) out[i] = x[i] + factor * y[i];
}

/// The generators of a row of dropout; see Dropout.Mask.
#define GENERATORS 8

INLINED void drop(const float *x, float *out, int count, uint32_t *state, uint32_t threshold, float scale) {
    for (int lane = 0; lane < count; lane++) {
        uint32_t next = state[lane];
        next ^= next << 13;
        next ^= next >> 17;
        next ^= next << 5;
        state[lane] = next;
        // All bits where the number is smaller.
        uint32_t dropped = (uint32_t)((int32_t)((next >> 1) - threshold) >> 31);
        out[lane] = from_bits(bits_of(x[lane] * scale) & ~dropped);
    }
}

FOR_EACH_PROCESSOR
void kernels_drop(const float *x, float *out, long count, uint32_t *state, uint32_t threshold, float scale) {
    long whole = count - count % GENERATORS;
    uint32_t states[GENERATORS];
    memcpy(states, state, sizeof states);
    for (long i = 0; i < whole; i += GENERATORS) {
        float values[GENERATORS];
        drop(x + i, values, GENERATORS, states, threshold, scale);
        memcpy(out + i, values, sizeof values);
    }
    drop(x + whole, out + whole, (int)(count - whole), states, threshold, scale);
}

FOR_EACH_PROCESSOR
float kernels_exponentials(float *x, long count, float shift, bool storing) {
    float sums[LANES] = {0};
    long whole = count - count % LANES;
    if (storing) {
        for (long i = 0; i < whole; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                x[i + lane] = exponential(x[i + lane] - shift);
                sums[lane] += x[i + lane];
            }
        }
    } else {
        for (long i = 0; i < whole; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) sums[lane] += exponential(x[i + lane] - shift);
        }
    }
    for (long i = whole; i < count; i++) {
        float value = exponential(x[i] - shift);
        if (storing) x[i] = value;
        sums[i - whole] += value;
    }
    return sum_of(sums);
}

FOR_EACH_PROCESSOR
float kernels_divergence(
    const float *q, float *p, long count, float q_shift, float p_shift, bool storing, float *total
) {
    float sums[LANES] = {0}, totals[LANES] = {0};
    long whole = count - count % LANES;
    for (long i = 0; i < whole; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            float shifted = p[i + lane] - p_shift, value = exponential(shifted);
            sums[lane] += value * (shifted - (q[i + lane] - q_shift));
            totals[lane] += value;
            if (storing) p[i + lane] = value;
        }
    }
    for (long i = whole; i < count; i++) {
        float shifted = p[i] - p_shift, value = exponential(shifted);
        sums[i - whole] += value * (shifted - (q[i] - q_shift));
        totals[i - whole] += value;
        if (storing) p[i] = value;
    }
    *total = sum_of(totals);
    return sum_of(sums);
}

FOR_EACH_PROCESSOR
float kernels_maximum(const float *x, long count) {
    float largest[LANES];
    for (int lane = 0; lane < LANES; lane++) largest[lane] = -INFINITY;
    long whole = count - count % LANES;
    for (long i = 0; i < whole; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            largest[lane] = x[i + lane] > largest[lane] ? x[i + lane] : largest[lane];
        }
    }
    for (long i = whole; i < count; i++) largest[0] = x[i] > largest[0] ? x[i] : largest[0];
    float result = largest[0];
    for (int lane = 1; lane < LANES; lane++) result = largest[lane] > result ? largest[lane] : result;
    return result;
}

/// The upper half of the bits of the nearest bfloat16; of two that are as near, the even one.
INLINED uint32_t nearest_half(float x) {
    uint32_t bits = bits_of(x);
    // Half of the last place, and its last bit. A NaN would overflow.
    uint32_t rounded = (bits + ((bits >> 16 & 1) + 0x7FFF)) >> 16;
    return x == x ? rounded : 0x7FC0;
}

FOR_EACH_PROCESSOR
void kernels_round(const float *restrict x, uint16_t *restrict halves, long count) {
    for (long i = 0; i < count; i++) halves[i] = (uint16_t)nearest_half(x[i]);
}

FOR_EACH_PROCESSOR
void kernels_split(
    const float *restrict x, uint16_t *restrict first, uint16_t *restrict second, uint16_t *restrict third, long count
) {
    for (long i = 0; i < count; i++) {
        uint32_t half = nearest_half(x[i]);
        float rest = x[i] - from_bits(half << 16);
        uint32_t next = nearest_half(rest);
        first[i] = (uint16_t)half;
        second[i] = (uint16_t)next;
        third[i] = (uint16_t)nearest_half(rest - from_bits(next << 16));
    }
}

/// Returns the moved parameter, and replaces its moments by the new ones.
INLINED float moved(float p, float g, float *m, float *v, const struct kernels_update *by) {
    float slope = g * by->scale;
    *m = *m * by->beta1 + slope * by->rest1;
    *v = *v * by->beta2 + slope * slope * by->rest2;
    return p * by->keep - by->rate * *m / (__builtin_elementwise_sqrt(*v) * by->second_scale + by->epsilon);
}

FOR_EACH_PROCESSOR
void kernels_move(float *p, const float *g, float *m, float *v, long count, const struct kernels_update *update) {
    // A copy, which no array can overlap.
    struct kernels_update by = *update;
    INDEPENDENT
    for (long i = 0; i < count; i++) {
        float first = m[i], second = v[i];
        p[i] = moved(p[i], g[i], &first, &second, &by);
        m[i] = first;
        v[i] = second;
    }
}

/// The bfloat16 number below `x` or above it in magnitude: the latter where the bits of `x` that are cut and `random`, of
/// 16 bits, add up to one of its last places. A NaN would overflow.
INLINED uint16_t random_half(float x, uint32_t random) {
    uint32_t half = (bits_of(x) + random) >> 16;
    return (uint16_t)(x == x ? half : 0x7FC0);
}

FOR_EACH_PROCESSOR
void kernels_move_halves(
    float *p, const float *g, uint16_t *m, uint16_t *v, long count, const struct kernels_update *update, uint32_t start,
    uint64_t key
) {
    struct kernels_update by = *update;
    uint32_t low = (uint32_t)key + start, high = (uint32_t)(key >> 32);
    INDEPENDENT
    for (long i = 0; i < count; i++) {
        float first = from_bits((uint32_t)m[i] << 16), second = from_bits((uint32_t)v[i] << 16);
        p[i] = moved(p[i], g[i], &first, &second, &by);
        // The hash of Dropout.Mask, with the other half of the key between its rounds; each moment takes half its bits.
        uint32_t random = low + (uint32_t)i;
        random = (random ^ random >> 16) * 0x7feb352d ^ high;
        random = (random ^ random >> 15) * 0x846ca68b;
        random ^= random >> 16;
        m[i] = random_half(first, random & 0xFFFF);
        v[i] = random_half(second, random >> 16);
    }
}
