// Drawing a token for each row of logits, and what follows from it for the row's sequence.
//
// A row's random number is a function of seed, sequence and position alone (Philox), and its sums are made in an order
// that depends on the vocabulary alone: the same logits give the same token in every batch.
//
// Constants of the compiler: VOCABULARY, ROW (elements from one row of logits to the next, a multiple of 8), RING (drawn
// tokens of a slot that are kept for the host), ENDS (end tokens of a slot).
#include "common.cuh"

// What the host says of the sequence in a slot.
struct Slot {
  int prompt;  // tokens of the prompt
  int limit;   // most tokens of the completion
  u32 seed[2], stream[2];
  float inverse_temperature;  // 0: the most likely token, always
  int top_k;                  // 0: all
  float top_p;                // 1: all
  float log_min_p;            // the least probability, as a part of the greatest; -infinity: all
  int ends[ENDS];             // -1: none
};

struct Sample {
  const bf16* logits;  // (rows, ROW)
  const int2* rows;    // for each row: slot (-1: nothing to do) and the position of the token before
  const Slot* slots;
  const float* least;  // for each row the least logit that is drawn, where there are cuts; or null
  int* tokens;         // out, for each slot: the token
  int* positions;      // out, for each slot: where it stands
  int* done;           // out, for each slot: whether the sequence ends with it
  int* drawn;          // out (slots, RING)
  float* log_probs;    // out (slots, RING)
  float4* parts;       // (rows, chunks): scratch
  int* arrived;        // (rows), zeros
};

// Philox 4x32-10 (Salmon et al., 2011, https://doi.org/10.1145/2063384.2063405), its first word.
__device__ u32 philox(const u32 seed[2], const u32 stream[2], u32 position) {
  u32 k0 = seed[0], k1 = seed[1];
  u32 c0 = position, c1 = 0, c2 = stream[0], c3 = stream[1];
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const u32 high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const u32 high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c0;
}

// Writes down the token of a row. One thread.
__device__ void commit(const Sample& p, int2 row, const Slot& slot, int token, float log_prob) {
  const int position = row.y + 1, index = position - slot.prompt;
  bool ends = index + 1 >= slot.limit;
  for (int i = 0; i < ENDS; i++) ends |= token == slot.ends[i];
  p.tokens[row.x] = token;
  p.positions[row.x] = position;
  p.done[row.x] = ends;
  p.drawn[row.x * RING + index % RING] = token;
  p.log_probs[row.x * RING + index % RING] = log_prob;
}

constexpr int THREADS = 256;
constexpr int CHUNK = 8192;  // logits of a block
constexpr int CHUNKS = (VOCABULARY + CHUNK - 1) / CHUNK;
constexpr int OWN = CHUNK / THREADS;  // logits of a thread
constexpr float NOTHING = -1e30f;  // the logit of what is beyond the vocabulary
constexpr float LOWEST = -1e20f;   // the greatest logit of nothing: beside it NOTHING weighs nothing

// The weight of a logit beside the greatest one. One instruction before the exponential: its rounding is that of a
// logit's last digit.
__device__ __forceinline__ float weight_of(float logit, float greatest, float scale) {
  return exp2_fast(fmaf(logit, scale, -greatest * scale));
}

// Eight logits, those beyond the vocabulary as NOTHING.
__device__ __forceinline__ void load_logits(const bf16* logits, int at, float* to) {
  if (at >= VOCABULARY) {
#pragma unroll
    for (int e = 0; e < 8; e++) to[e] = NOTHING;
    return;
  }
  const uint4 v = *(const uint4*)(logits + at);
  const u32* pairs = (const u32*)&v;
#pragma unroll
  for (int e = 0; e < 4; e++) {
    const float2 pair = to_floats(pairs[e]);
    to[2 * e] = pair.x;
    to[2 * e + 1] = at + 2 * e + 1 < VOCABULARY || VOCABULARY % 8 == 0 ? pair.y : NOTHING;
    if (VOCABULARY % 8 != 0 && at + 2 * e >= VOCABULARY) to[2 * e] = NOTHING;
  }
}

// Draws by the inverse of the cumulative distribution. Blocks (chunks, rows); the last block of a row to be done picks
// the chunk, looks into it again and commits.
extern "C" __global__ void __launch_bounds__(THREADS, 3) sample(const Sample p) {
  __shared__ float maxima[THREADS / 32], sums[THREADS / 32], kept_sums[THREADS / 32];
  __shared__ int places[THREADS / 32];
  __shared__ int is_last, chosen_chunk;
  __shared__ float row_maximum, target, log_total;
  const int row = blockIdx.y, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
  const int2 place = p.rows[row];
  if (place.x < 0) return;
  const Slot& slot = p.slots[place.x];
  const bool greedy = slot.inverse_temperature == 0.f;
  const float scale = (greedy ? 1.f : slot.inverse_temperature) * LOG2_E;
  const float least = p.least ? p.least[row] : 2 * NOTHING;
  const bf16* logits = p.logits + (size_t)row * ROW;

  float x[OWN], most = LOWEST;
#pragma unroll
  for (int k = 0; k < OWN / 8; k++) {
    load_logits(logits, blockIdx.x * CHUNK + (threadIdx.x + THREADS * k) * 8, x + 8 * k);
    // fmaxf passes over NaN: it shows in the sum below, and so in the log-probability.
#pragma unroll
    for (int e = 0; e < 8; e++) most = fmaxf(most, x[8 * k + e]);
  }
  most = warp_max(most);
  int where = VOCABULARY;
  if (greedy) {
    // Of equals the first.
#pragma unroll
    for (int k = OWN - 1; k >= 0; k--) {
      if (x[k] == most) where = blockIdx.x * CHUNK + (threadIdx.x + THREADS * (k / 8)) * 8 + k % 8;
    }
    for (int offset = 16; offset; offset >>= 1) where = min(where, __shfl_xor_sync(ALL_LANES, where, offset));
  }
  float sum = 0.f, kept = 0.f;
#pragma unroll
  for (int k = 0; k < OWN; k++) sum += weight_of(x[k], most, scale);
  if (p.least) {
#pragma unroll
    for (int k = 0; k < OWN; k++) kept += x[k] >= least ? weight_of(x[k], most, scale) : 0.f;
  } else {
    kept = sum;
  }
  sum = warp_sum(sum);
  kept = warp_sum(kept);
  if (lane == 0) maxima[warp] = most, sums[warp] = sum, kept_sums[warp] = kept, places[warp] = where;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 0; w < THREADS / 32; w++) {
      if (maxima[w] > most || (maxima[w] == most && places[w] < where)) most = maxima[w], where = places[w];
    }
    sum = kept = 0.f;
    for (int w = 0; w < THREADS / 32; w++) {
      const float shrink = exp2_fast((maxima[w] - most) * scale);
      sum += sums[w] * shrink;
      kept += kept_sums[w] * shrink;
    }
    p.parts[row * CHUNKS + blockIdx.x] = make_float4(most, sum, kept, __int_as_float(where));
    __threadfence();
    is_last = atomicAdd(p.arrived + row, 1) == CHUNKS - 1;
    if (is_last) p.arrived[row] = 0;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();

  if (threadIdx.x == 0) {
    const float4* parts = p.parts + row * CHUNKS;
    most = LOWEST, where = VOCABULARY;
    for (int i = 0; i < CHUNKS; i++) {
      const float4 part = __ldcg(parts + i);
      if (part.x > most) most = part.x, where = __float_as_int(part.w);
    }
    sum = kept = 0.f;
    for (int i = 0; i < CHUNKS; i++) {
      const float4 part = __ldcg(parts + i);
      const float shrink = exp2_fast((part.x - most) * scale);
      sum += part.y * shrink;
      kept += part.z * shrink;
    }
    row_maximum = most;
    log_total = log2_fast(sum);
    chosen_chunk = -1;
    if (greedy || !(kept > 0.f)) {
      // The most likely token. Where logits are not numbers it is any, and the log-probability says so.
      commit(p, place, slot, min(where, VOCABULARY - 1), -log_total * LN_2);
    } else {
      const u32 random = philox(slot.seed, slot.stream, place.y + 1 - slot.prompt);
      float rest = ((random >> 8) + 0.5f) * 5.9604644775390625e-8f * kept;
      int chunk = CHUNKS - 1;
      for (int i = 0; i < CHUNKS; i++) {
        const float4 part = __ldcg(parts + i);
        const float weight = part.z * exp2_fast((part.x - most) * scale);
        if (rest < weight) {
          chunk = i;
          break;
        }
        rest -= weight;
        // Rounding may leave something over; it belongs to the last chunk that has a weight.
        if (weight > 0.f) chunk = i;
      }
      target = rest;
      chosen_chunk = chunk;
    }
  }
  __syncthreads();
  if (chosen_chunk < 0) return;

  // Within the chunk thread i owns the logits from OWN i on.
  const int begin = chosen_chunk * CHUNK + threadIdx.x * OWN;
  float own = 0.f;
#pragma unroll
  for (int k = 0; k < OWN / 8; k++) {
    load_logits(logits, begin + 8 * k, x + 8 * k);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      if (x[8 * k + e] >= least) own += weight_of(x[8 * k + e], row_maximum, scale);
    }
  }
  float upto = own;
#pragma unroll
  for (int offset = 1; offset < 32; offset <<= 1) {
    const float below = __shfl_up_sync(ALL_LANES, upto, offset);
    if (lane >= offset) upto += below;
  }
  __syncthreads();
  if (lane == 31) sums[warp] = upto;
  __syncthreads();
  for (int w = 0; w < warp; w++) upto += sums[w];
  const float before = upto - own;
  const bool hit = own > 0.f && target >= before && target < upto;
  // Where rounding left the target above all, the last thread with a weight takes it.
  const int thread = threadIdx.x;
  int taker = hit ? thread : -1;
  if (!__syncthreads_or(hit)) {
    if (threadIdx.x == 0) places[0] = -1;
    __syncthreads();
    if (own > 0.f) atomicMax(places, thread);
    __syncthreads();
    taker = places[0];
  }
  if (taker != thread) return;
  int token = begin;
  float logit = NOTHING, reached = before;
#pragma unroll
  for (int k = 0; k < OWN; k++) {
    const float weight = x[k] >= least ? weight_of(x[k], row_maximum, scale) : 0.f;
    if (weight > 0.f && (logit == NOTHING || target >= reached)) token = begin + k, logit = x[k];
    reached += weight;
  }
  commit(p, place, slot, token, ((logit - row_maximum) * scale - log_total) * LN_2);
}

// ---------------------------------------------------------------- cuts

struct Cut {
  const bf16* logits;
  const int2* rows;
  const Slot* slots;
  float* least;  // out, for each row
};

constexpr int CUT_THREADS = 1024;

// bf16 as an integer that is ordered as the number is.
__device__ __forceinline__ u32 ordered(u32 bits) { return (bits & 0x8000u) ? bits ^ 0xffffu : bits | 0x8000u; }
__device__ __forceinline__ float from_ordered(u32 key) {
  return to_float(bf16((key & 0x8000u) ? key & 0x7fffu : key ^ 0xffffu));
}

// Calls `each(logit, key)` for every logit of a row.
template <class Each>
__device__ __forceinline__ void for_each_logit(const bf16* logits, Each each) {
  for (int at = threadIdx.x * 8; at < VOCABULARY; at += CUT_THREADS * 8) {
    const uint4 v = *(const uint4*)(logits + at);
    const bf16* eight = (const bf16*)&v;
#pragma unroll
    for (int e = 0; e < 8; e++) {
      if (VOCABULARY % 8 == 0 || at + e < VOCABULARY) each(to_float(eight[e]), ordered(eight[e]));
    }
  }
}

// Sums of three numbers over the block, to every thread; in the same order always.
__device__ float3 block_sums(float3 sums, float3* shared) {
  sums = make_float3(warp_sum(sums.x), warp_sum(sums.y), warp_sum(sums.z));
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = sums;
  __syncthreads();
  const float3 of_warp = shared[threadIdx.x & 31];
  return make_float3(warp_sum(of_warp.x), warp_sum(of_warp.y), warp_sum(of_warp.z));
}

// The greatest key such that the weights of all logits from it on reach `goal`: two of its bits in each turn. A histogram
// would take fewer turns, but logits crowd in few of its bins.
template <class Weight>
__device__ u32 key_that_reaches(const bf16* logits, float3* shared, float goal, Weight weight) {
  u32 found = 0;
  for (int shift = 14; shift >= 0; shift -= 2) {
    float3 from = make_float3(0.f, 0.f, 0.f);
    const u32 step = 1u << shift;
    for_each_logit(logits, [&](float logit, u32 key) {
      if (key < found + step) return;
      const float its = weight(logit);
      from.x += its;
      if (key >= found + 2 * step) from.y += its;
      if (key >= found + 3 * step) from.z += its;
    });
    from = block_sums(from, shared);
    found += from.z >= goal ? 3 * step : from.y >= goal ? 2 * step : from.x >= goal ? step : 0;
  }
  return found;
}

// The least logit that top-k, then top-p, then min-p leave, for each row; tokens as likely as the last of them stay too.
// One block for a row.
extern "C" __global__ void __launch_bounds__(CUT_THREADS) cut(const Cut p) {
  __shared__ float maxima[CUT_THREADS / 32];
  __shared__ float3 shared[CUT_THREADS / 32];
  const int2 place = p.rows[blockIdx.x];
  if (place.x < 0) return;
  const Slot& slot = p.slots[place.x];
  const bf16* logits = p.logits + (size_t)blockIdx.x * ROW;
  float most = LOWEST;
  for_each_logit(logits, [&](float logit, u32) { most = fmaxf(most, logit); });
  most = warp_max(most);
  if ((threadIdx.x & 31) == 0) maxima[threadIdx.x >> 5] = most;
  __syncthreads();
  for (int warp = 0; warp < CUT_THREADS / 32; warp++) most = fmaxf(most, maxima[warp]);

  const bool greedy = slot.inverse_temperature == 0.f;
  float least = 2 * NOTHING;
  if (!greedy && slot.top_k > 0 && slot.top_k < VOCABULARY) {
    least = from_ordered(key_that_reaches(logits, shared, slot.top_k, [](float) { return 1.f; }));
  }
  if (!greedy && slot.top_p < 1.f) {
    const float scale = slot.inverse_temperature * LOG2_E, from = least;
    auto weight = [&](float logit) { return logit >= from ? weight_of(logit, most, scale) : 0.f; };
    float3 total = make_float3(0.f, 0.f, 0.f);
    for_each_logit(logits, [&](float logit, u32) { total.x += weight(logit); });
    total = block_sums(total, shared);
    least = fmaxf(least, from_ordered(key_that_reaches(logits, shared, slot.top_p * total.x, weight)));
  }
  if (!greedy) least = fmaxf(least, most + slot.log_min_p / slot.inverse_temperature);
  if (threadIdx.x == 0) p.least[blockIdx.x] = least;
}
