#pragma once

#include <stdbool.h>
#include <stdint.h>

// The kernels that are bound by arithmetic and not by memory, for the vector units of the processor that runs them: Swift
// compiles for the oldest processor of its kind alone. Every variant does the same operations in the same order, none of
// them fused, so results do not depend on the processor.

/// GPT-2's activation: y = x · σ(2√(2/π)(x + 0.044715x³)). `y` may be `x`. [count]
void kernels_gelu(const float *x, float *y, long count);

/// Turns `gradient` from that of the activation `y` of `x` into that of `x`, and computes `y`. [count]
void kernels_gelu_gradient(const float *x, float *y, float *gradient, long count);

/// The activation as it is defined: y = x · Φ(x) with the normal distribution function Φ. `y` may be `x`. [count]
void kernels_gelu_exact(const float *x, float *y, long count);

/// As kernels_gelu_gradient.
void kernels_gelu_exact_gradient(const float *x, float *y, float *gradient, long count);

/// `out` = `x` + `factor` · `y`; `out` may be either of them. [count]
void kernels_add(const float *x, float factor, const float *y, float *out, long count);

/// `out` = `x` with its values set to 0 or multiplied by `scale`; `out` may be `x`. Each lane's generator starts at its
/// `state`; a value is dropped if the upper 31 bits of its generator's next number are less than `threshold`. [count]
void kernels_drop(const float *x, float *out, long count, uint32_t *state, uint32_t threshold, float scale);

/// The sum of e^(x − shift) over `x`, which they replace if `storing`. [count]
float kernels_exponentials(float *x, long count, float shift, bool storing);

/// The sum over i of e^(p − p_shift) · ((p − p_shift) − (q − q_shift)), whose exponentials replace `p` if `storing` and
/// add up to `total`. [count]
float kernels_divergence(
    const float *q, float *p, long count, float q_shift, float p_shift, bool storing, float *total
);

/// The largest of `x`, −∞ for none. [count]
float kernels_maximum(const float *x, long count);

/// What an update of AdamW multiplies by.
struct kernels_update {
    /// Of the gradient.
    float scale;
    /// Of the moments, and of what the gradient adds to them.
    float beta1, rest1, beta2, rest2;
    /// The learning rate, and the factor of the second moment's root, both corrected for the moments' start at zero.
    float rate, second_scale;
    float epsilon;
    /// Of the parameters: what weight decay leaves of them.
    float keep;
};

/// Moves the parameters `p` one step against their gradient `g`, and updates their moments `m` and `v`. [count]
void kernels_move(float *p, const float *g, float *m, float *v, long count, const struct kernels_update *update);

/// As kernels_move with moments in bfloat16. They are widened, and what the update makes of them is rounded at random to
/// one of the two nearest numbers, so that its mean is the value itself. [count]
///
/// What is drawn depends on the key and on an element's number alone, `start` for the first one.
void kernels_move_halves(
    float *p, const float *g, uint16_t *m, uint16_t *v, long count, const struct kernels_update *update, uint32_t start,
    uint64_t key
);

/// The nearest bfloat16 number to each of `x`. [count]
void kernels_round(const float *x, uint16_t *halves, long count);

/// Three bfloat16 numbers that add up to each of `x`: each is what those before it leave, rounded to the nearest. [count]
void kernels_split(const float *x, uint16_t *first, uint16_t *second, uint16_t *third, long count);
