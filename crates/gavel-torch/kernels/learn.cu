// What a training step needs besides matrix products and attention, forward and backward: bf16 in and out, fp32 within.
// Every kernel is bound by memory, so each reads and writes 16 bytes at a time, and reads what it needs once.
//
// The kernels of RMSNorm are compiled apart, with the width of a row as the constant HIDDEN: a warp keeps one in registers.

#include "common.cuh"

typedef long long i64;

// Eight bf16 and back.
__device__ __forceinline__ void unpack(const uint4& packed, float* values) {
  const u32 words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int pair = 0; pair < 4; pair++) {
    const float2 two = to_floats(words[pair]);
    values[2 * pair] = two.x;
    values[2 * pair + 1] = two.y;
  }
}

__device__ __forceinline__ uint4 pack(const float* values) {
  return make_uint4(to_bf16_pair(values[0], values[1]), to_bf16_pair(values[2], values[3]),
                    to_bf16_pair(values[4], values[5]), to_bf16_pair(values[6], values[7]));
}

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + exp2_fast(-LOG2_E * x)); }

#ifdef HIDDEN

// ---- RMSNorm of a sum

constexpr int VECTORS = HIDDEN / 8;             // of a row
constexpr int PER_LANE = (VECTORS + 31) / 32;   // of a lane's share of a row
constexpr int NORM_WARPS = 4;

struct AddRmsNorm {
  const uint4* stream;
  const uint4* delta;  // may be null
  const uint4* weight;
  uint4* sum;          // not written without delta
  uint4* output;
  float* inverse;
  int rows;
  float epsilon;
};

// One warp for each row.
extern "C" __global__ void __launch_bounds__(32 * NORM_WARPS) add_rms_norm(const AddRmsNorm p) {
  const int row = blockIdx.x * NORM_WARPS + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (row >= p.rows) return;
  const i64 first = i64(row) * VECTORS;
  uint4 kept[PER_LANE];
#pragma unroll
  for (int k = 0; k < PER_LANE; k++)
    if (lane + 32 * k < VECTORS) kept[k] = p.stream[first + lane + 32 * k];
  if (p.delta != nullptr) {
#pragma unroll
    for (int k = 0; k < PER_LANE; k++) {
      if (lane + 32 * k >= VECTORS) continue;
      float a[8], b[8];
      unpack(kept[k], a);
      unpack(p.delta[first + lane + 32 * k], b);
#pragma unroll
      for (int e = 0; e < 8; e++) a[e] += b[e];
      kept[k] = pack(a);
      p.sum[first + lane + 32 * k] = kept[k];
    }
  }
  float squares = 0.f;
#pragma unroll
  for (int k = 0; k < PER_LANE; k++) {
    if (lane + 32 * k >= VECTORS) continue;
    float a[8];
    unpack(kept[k], a);
#pragma unroll
    for (int e = 0; e < 8; e++) squares += a[e] * a[e];
  }
  const float inverse = rsqrtf(warp_sum(squares) / HIDDEN + p.epsilon);
  if (lane == 0) p.inverse[row] = inverse;
#pragma unroll
  for (int k = 0; k < PER_LANE; k++) {
    if (lane + 32 * k >= VECTORS) continue;
    float a[8], weight[8];
    unpack(kept[k], a);
    unpack(p.weight[lane + 32 * k], weight);
#pragma unroll
    for (int e = 0; e < 8; e++) a[e] *= inverse * weight[e];
    p.output[first + lane + 32 * k] = pack(a);
  }
}

struct RmsNormBackward {
  const uint4* by_output;
  const uint4* by_sum;  // may be null
  const uint4* sum;
  const uint4* weight;
  const float* inverse;
  uint4* by_stream;
  float* by_weight;     // a row for each block
  int rows;
};

// Each warp takes every so-many-th row, and keeps its share of the weight's gradient in registers meanwhile.
extern "C" __global__ void __launch_bounds__(32 * NORM_WARPS) rms_norm_backward(const RmsNormBackward p) {
  __shared__ float sums_of_warps[HIDDEN];
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  float by_weight[PER_LANE * 8];
#pragma unroll
  for (int i = 0; i < PER_LANE * 8; i++) by_weight[i] = 0.f;
  for (int row = blockIdx.x * NORM_WARPS + warp; row < p.rows; row += gridDim.x * NORM_WARPS) {
    const i64 first = i64(row) * VECTORS;
    const float inverse = p.inverse[row];
    uint4 gradients[PER_LANE], sums[PER_LANE];
#pragma unroll
    for (int k = 0; k < PER_LANE; k++) {
      if (lane + 32 * k >= VECTORS) continue;
      gradients[k] = p.by_output[first + lane + 32 * k];
      sums[k] = p.sum[first + lane + 32 * k];
    }
    float along = 0.f;
#pragma unroll
    for (int k = 0; k < PER_LANE; k++) {
      if (lane + 32 * k >= VECTORS) continue;
      float gradient[8], x[8], weight[8];
      unpack(gradients[k], gradient);
      unpack(sums[k], x);
      unpack(p.weight[lane + 32 * k], weight);
#pragma unroll
      for (int e = 0; e < 8; e++) {
        const float unit = x[e] * inverse;
        by_weight[8 * k + e] += gradient[e] * unit;
        along += gradient[e] * weight[e] * unit;
      }
    }
    along = warp_sum(along) / HIDDEN;
#pragma unroll
    for (int k = 0; k < PER_LANE; k++) {
      if (lane + 32 * k >= VECTORS) continue;
      float gradient[8], x[8], weight[8], other[8] = {0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f};
      unpack(gradients[k], gradient);
      unpack(sums[k], x);
      unpack(p.weight[lane + 32 * k], weight);
      if (p.by_sum != nullptr) unpack(p.by_sum[first + lane + 32 * k], other);
#pragma unroll
      for (int e = 0; e < 8; e++)
        gradient[e] = other[e] + inverse * (gradient[e] * weight[e] - x[e] * inverse * along);
      p.by_stream[first + lane + 32 * k] = pack(gradient);
    }
  }
  // One warp after the other, so that the sum is the same every time.
  for (int turn = 0; turn < NORM_WARPS; turn++) {
    if (warp == turn) {
#pragma unroll
      for (int k = 0; k < PER_LANE; k++) {
        if (lane + 32 * k >= VECTORS) continue;
#pragma unroll
        for (int e = 0; e < 8; e++) {
          float* place = sums_of_warps + (lane + 32 * k) * 8 + e;
          *place = turn == 0 ? by_weight[8 * k + e] : *place + by_weight[8 * k + e];
        }
      }
    }
    __syncthreads();
  }
  for (int column = threadIdx.x; column < HIDDEN; column += 32 * NORM_WARPS)
    p.by_weight[i64(blockIdx.x) * HIDDEN + column] = sums_of_warps[column];
}

#else

// ---- rotary positions

struct Turn {
  bf16* rows;            // (tokens, width): the first `heads` heads of each are turned in place
  const float* cosines;  // (tokens, half)
  const float* sines;
  i64 count;             // of threads: tokens * heads * half / 8
  int heads;
  int half;
  int width;
  float direction;       // 1 or -1
};

// A thread turns eight pairs.
extern "C" __global__ void __launch_bounds__(256) turn(const Turn p) {
  const i64 index = blockIdx.x * 256LL + threadIdx.x;
  if (index >= p.count) return;
  const int units = p.half / 8;
  const i64 token = index / (p.heads * units);
  const int rest = int(index % (p.heads * units)), head = rest / units, unit = rest % units;
  bf16* place = p.rows + token * p.width + head * 2 * p.half + unit * 8;
  float a[8], b[8];
  unpack(*(const uint4*)place, a);
  unpack(*(const uint4*)(place + p.half), b);
  const float* cosines = p.cosines + token * p.half + unit * 8;
  const float* sines = p.sines + token * p.half + unit * 8;
#pragma unroll
  for (int e = 0; e < 8; e++) {
    const float c = cosines[e], s = sines[e] * p.direction, x = a[e], y = b[e];
    a[e] = x * c - y * s;
    b[e] = y * c + x * s;
  }
  *(uint4*)place = pack(a);
  *(uint4*)(place + p.half) = pack(b);
}

struct JoinTurned {
  const bf16* queries;       // gradients by queries (tokens, query_heads, 2 half), keys and values (tokens, key_heads, 2 half)
  const bf16* keys;
  const bf16* values;
  const bf16* more_queries;  // to be added for `queries_with_more` tokens from `first_query` on; null where there are none
  const bf16* more_keys;     // to be added for the first `keys_with_more` tokens
  const bf16* more_values;
  const float* cosines;
  const float* sines;
  bf16* rows;                // (tokens, (query_heads + 2 key_heads) 2 half)
  i64 count;                 // of threads: tokens * (query_heads + 2 key_heads) * half / 8
  i64 first_query;
  i64 queries_with_more;
  i64 keys_with_more;
  int query_heads;
  int key_heads;
  int half;
};

// Gradients of turned queries and keys, and of values, become those of the rows that they were made from.
extern "C" __global__ void __launch_bounds__(256) join_turned(const JoinTurned p) {
  const i64 index = blockIdx.x * 256LL + threadIdx.x;
  if (index >= p.count) return;
  const int units = p.half / 8, heads = p.query_heads + 2 * p.key_heads, width = 2 * p.half;
  const i64 token = index / (heads * units);
  const int rest = int(index % (heads * units)), head = rest / units, unit = rest % units;
  const bf16 *from, *more = nullptr;
  if (head < p.query_heads) {
    const int offset = head * width + unit * 8;
    from = p.queries + token * p.query_heads * width + offset;
    if (token >= p.first_query && token < p.first_query + p.queries_with_more)
      more = p.more_queries + (token - p.first_query) * p.query_heads * width + offset;
  } else {
    const bool is_key = head < p.query_heads + p.key_heads;
    const i64 offset = token * p.key_heads * width +
                       (head - p.query_heads - (is_key ? 0 : p.key_heads)) * width + unit * 8;
    from = (is_key ? p.keys : p.values) + offset;
    if (token < p.keys_with_more) more = (is_key ? p.more_keys : p.more_values) + offset;
  }
  float a[8], b[8];
  unpack(*(const uint4*)from, a);
  unpack(*(const uint4*)(from + p.half), b);
  if (more != nullptr) {
    float x[8], y[8];
    unpack(*(const uint4*)more, x);
    unpack(*(const uint4*)(more + p.half), y);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      a[e] += x[e];
      b[e] += y[e];
    }
  }
  if (head < p.query_heads + p.key_heads) {
    const float* cosines = p.cosines + token * p.half + unit * 8;
    const float* sines = p.sines + token * p.half + unit * 8;
#pragma unroll
    for (int e = 0; e < 8; e++) {
      const float c = cosines[e], s = sines[e], x = a[e], y = b[e];
      a[e] = x * c + y * s;
      b[e] = y * c - x * s;
    }
  }
  bf16* place = p.rows + token * heads * width + head * width + unit * 8;
  *(uint4*)place = pack(a);
  *(uint4*)(place + p.half) = pack(b);
}

// ---- SwiGLU

struct Swiglu {
  const uint4* gate_up;  // (rows, 2 width)
  uint4* output;         // (rows, width)
  i64 count;             // of threads: rows * width / 8
  int units;             // width / 8
};

extern "C" __global__ void __launch_bounds__(256) swiglu(const Swiglu p) {
  const i64 index = blockIdx.x * 256LL + threadIdx.x;
  if (index >= p.count) return;
  const i64 row = index / p.units, gate_at = row * 2 * p.units + index % p.units;
  float gate[8], up[8];
  unpack(p.gate_up[gate_at], gate);
  unpack(p.gate_up[gate_at + p.units], up);
#pragma unroll
  for (int e = 0; e < 8; e++) gate[e] = gate[e] * sigmoid(gate[e]) * up[e];
  p.output[index] = pack(gate);
}

struct SwigluBackward {
  uint4* gate_up;    // becomes its gradient
  uint4* by_output;  // becomes the output
  i64 count;
  int units;
};

extern "C" __global__ void __launch_bounds__(256) swiglu_backward(const SwigluBackward p) {
  const i64 index = blockIdx.x * 256LL + threadIdx.x;
  if (index >= p.count) return;
  const i64 row = index / p.units, gate_at = row * 2 * p.units + index % p.units;
  float gate[8], up[8], gradient[8], output[8];
  unpack(p.gate_up[gate_at], gate);
  unpack(p.gate_up[gate_at + p.units], up);
  unpack(p.by_output[index], gradient);
#pragma unroll
  for (int e = 0; e < 8; e++) {
    const float share = sigmoid(gate[e]), silu = gate[e] * share;
    output[e] = silu * up[e];
    const float by_up = gradient[e] * silu;
    gate[e] = gradient[e] * up[e] * (share + silu * (1.f - share));
    up[e] = by_up;
  }
  p.gate_up[gate_at] = pack(gate);
  p.gate_up[gate_at + p.units] = pack(up);
  p.by_output[index] = pack(output);
}

// ---- the scores of tokens

constexpr int SCORE_THREADS = 1024;

struct Score {
  const uint4* logits;  // (rows, vocabulary)
  const i64* targets;
  float* log_probs;
  float* entropy;
  float* log_sums;
  int vocabulary;
  float inverse_temperature;
};

// A running sum of 2^(x - highest), and of the same times x.
struct Running {
  float highest, sum, weighted;
  __device__ __forceinline__ void rebase(float other) {
    if (other <= highest) return;
    const float scale = exp2_fast(highest - other);
    sum *= scale;
    weighted *= scale;
    highest = other;
  }
  __device__ __forceinline__ void merge(float other_highest, float other_sum, float other_weighted) {
    rebase(other_highest);
    const float scale = exp2_fast(other_highest - highest);
    sum += other_sum * scale;
    weighted += other_weighted * scale;
  }
};

// One block for each row; logits in base 2, x = logit / temperature · log2 e, so that a power costs one instruction.
extern "C" __global__ void __launch_bounds__(SCORE_THREADS) score(const Score p) {
  __shared__ float shared[3][SCORE_THREADS / 32];
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, units = p.vocabulary / 8;
  const uint4* row = p.logits + i64(blockIdx.x) * units;
  const float scale = p.inverse_temperature * LOG2_E;
  Running running = {-1e30f, 0.f, 0.f};
  for (int unit = threadIdx.x; unit < units; unit += SCORE_THREADS) {
    float x[8];
    unpack(row[unit], x);
    float highest = running.highest;
#pragma unroll
    for (int e = 0; e < 8; e++) {
      x[e] *= scale;
      highest = fmaxf(highest, x[e]);
    }
    running.rebase(highest);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      const float power = exp2_fast(x[e] - running.highest);
      running.sum += power;
      running.weighted += power * x[e];
    }
  }
#pragma unroll
  for (int offset = 16; offset; offset >>= 1) {
    const float highest = __shfl_xor_sync(ALL_LANES, running.highest, offset);
    const float sum = __shfl_xor_sync(ALL_LANES, running.sum, offset);
    const float weighted = __shfl_xor_sync(ALL_LANES, running.weighted, offset);
    running.merge(highest, sum, weighted);
  }
  if (lane == 0) {
    shared[0][warp] = running.highest;
    shared[1][warp] = running.sum;
    shared[2][warp] = running.weighted;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int other = 1; other < SCORE_THREADS / 32; other++)
    running.merge(shared[0][other], shared[1][other], shared[2][other]);
  const float log_sum = running.highest + log2_fast(running.sum);
  const float target = to_float(((const bf16*)row)[p.targets[blockIdx.x]]) * scale;
  p.log_probs[blockIdx.x] = (target - log_sum) * LN_2;
  p.entropy[blockIdx.x] = (log_sum - running.weighted / running.sum) * LN_2;
  p.log_sums[blockIdx.x] = log_sum * LN_2;
}

struct ScoreBackward {
  uint4* logits;  // becomes its gradient
  const i64* targets;
  const float* log_sums;
  const float* entropy;
  const float* by_log_probs;
  const float* by_entropy;  // or null
  int vocabulary;
  float inverse_temperature;
};

extern "C" __global__ void __launch_bounds__(SCORE_THREADS) score_backward(const ScoreBackward p) {
  const int units = p.vocabulary / 8;
  uint4* row = p.logits + i64(blockIdx.x) * units;
  const float scale = p.inverse_temperature * LOG2_E, log_sum = p.log_sums[blockIdx.x] * LOG2_E;
  const float factor = p.by_log_probs[blockIdx.x] * p.inverse_temperature;
  const int target = int(p.targets[blockIdx.x]);
  // A power weighs -(factor + entropy_factor (log p + H)), with log p in base 2 here.
  const float entropy_factor = p.by_entropy ? p.by_entropy[blockIdx.x] * p.inverse_temperature : 0.f;
  const float slope = entropy_factor * LN_2, weight = factor + entropy_factor * p.entropy[blockIdx.x];
  for (int unit = threadIdx.x; unit < units; unit += SCORE_THREADS) {
    float x[8];
    unpack(row[unit], x);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      const float log_p = fmaxf(x[e] * scale - log_sum, -1e30f);  // a power of 0 times infinity is no 0
      x[e] = (unit * 8 + e == target ? factor : 0.f) - exp2_fast(log_p) * (weight + slope * log_p);
    }
    row[unit] = pack(x);
  }
}

// ---- attention to two sets of keys

struct Merge {
  bf16* output;             // (rows, heads, width), merged in place from row `first` on
  const float* log_sums;    // (heads, rows)
  const bf16* others;       // (other_rows, heads, width)
  const float* other_sums;  // (heads, other_rows)
  float* both;              // (heads, other_rows)
  i64 count;                // of threads: other_rows * heads * width / 8
  i64 rows;
  i64 other_rows;
  i64 first;
  int heads;
  int width;
};

extern "C" __global__ void __launch_bounds__(256) merge(const Merge p) {
  const i64 index = blockIdx.x * 256LL + threadIdx.x;
  if (index >= p.count) return;
  const int units = p.width / 8;
  const i64 token = index / (p.heads * units);
  const int rest = int(index % (p.heads * units)), head = rest / units, unit = rest % units;
  const i64 at = head * p.other_rows + token;
  const float own = p.log_sums[head * p.rows + p.first + token] * LOG2_E, other = p.other_sums[at] * LOG2_E;
  const float highest = fmaxf(own, other);
  float share = exp2_fast(own - highest), other_share = exp2_fast(other - highest);
  const float sum = share + other_share;
  share /= sum;
  other_share /= sum;
  if (unit == 0) p.both[at] = (highest + log2_fast(sum)) * LN_2;
  bf16* place = p.output + ((p.first + token) * p.heads + head) * p.width + unit * 8;
  float a[8], b[8];
  unpack(*(const uint4*)place, a);
  unpack(*(const uint4*)(p.others + (token * p.heads + head) * p.width + unit * 8), b);
#pragma unroll
  for (int e = 0; e < 8; e++) a[e] = a[e] * share + b[e] * other_share;
  *(uint4*)place = pack(a);
}

#endif
