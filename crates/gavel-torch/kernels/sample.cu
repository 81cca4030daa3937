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
constexpr float NOTHING = -1e30f;

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
extern "C" __global__ void __launch_bounds__(THREADS) sample(const Sample p) {
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

  float x[OWN], most = NOTHING;
  int where = 0;
#pragma unroll
  for (int k = 0; k < OWN / 8; k++) {
    const int at = blockIdx.x * CHUNK + (threadIdx.x + THREADS * k) * 8;
    load_logits(logits, at, x + 8 * k);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      // A comparison that NaN fails: then it shows in the sum below, and so in the log-probability.
      if (x[8 * k + e] > most) most = x[8 * k + e], where = at + e;
    }
  }
  // The greatest of a warp; of equals the first.
  for (int offset = 16; offset; offset >>= 1) {
    const float other = __shfl_xor_sync(ALL_LANES, most, offset);
    const int its = __shfl_xor_sync(ALL_LANES, where, offset);
    if (other > most || (other == most && its < where)) most = other, where = its;
  }
  float sum = 0.f, kept = 0.f;
#pragma unroll
  for (int k = 0; k < OWN; k++) {
    const float weight = exp2_fast((x[k] - most) * scale);
    sum += weight;
    kept += x[k] >= least ? weight : 0.f;
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
    most = NOTHING, where = 0;
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
      // The most likely token; also where logits are not numbers, which the log-probability then says.
      commit(p, place, slot, where, -log_total * LN_2);
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
      if (x[8 * k + e] >= least) own += exp2_fast((x[8 * k + e] - row_maximum) * scale);
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
  int taker = hit ? threadIdx.x : -1;
  if (!__syncthreads_or(hit)) {
    if (threadIdx.x == 0) places[0] = -1;
    __syncthreads();
    if (own > 0.f) atomicMax(places, threadIdx.x);
    __syncthreads();
    taker = places[0];
  }
  if (taker != threadIdx.x) return;
  int token = begin;
  float logit = NOTHING, reached = before;
#pragma unroll
  for (int k = 0; k < OWN; k++) {
    const float weight = x[k] >= least ? exp2_fast((x[k] - row_maximum) * scale) : 0.f;
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
__device__ __forceinline__ u32 ordered(bf16 value) { return (value & 0x8000u) ? 0xffffu & ~value : value | 0x8000u; }
__device__ __forceinline__ float from_ordered(u32 key) {
  return to_float(bf16((key & 0x8000u) ? key & 0x7fffu : 0xffffu & ~key));
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

// The greatest key such that the weights of all keys from it on reach `goal(total)`, by its upper and then its lower byte;
// 0 where they never do. Weights are integers, so that the order of additions does not matter. `bins` are 256.
template <class Weight, class Goal>
__device__ u32 key_that_reaches(const bf16* logits, u64* bins, u32* found, u64* found_rest, Weight weight, Goal goal) {
  for (int digit = 1; digit >= 0; digit--) {
    __syncthreads();
    const u32 prefix = *found;
    const u64 rest = *found_rest;
    if (threadIdx.x < 256) bins[threadIdx.x] = 0;
    __syncthreads();
    for_each_logit(logits, [&](float logit, u32 key) {
      if (digit == 1 || key >> 8 == prefix) {
        const u64 added = weight(logit);
        if (added) atomicAdd(bins + (digit == 1 ? key >> 8 : key & 255u), added);
      }
    });
    __syncthreads();
    if (threadIdx.x == 0) {
      u64 goal_now = rest;
      if (digit == 1) {
        u64 total = 0;
        for (int i = 0; i < 256; i++) total += bins[i];
        goal_now = goal(total);
      }
      int bin = 255;
      u64 above = 0;
      while (bin > 0 && above + bins[bin] < goal_now) above += bins[bin--];
      *found = digit == 1 ? bin : prefix << 8 | bin;
      *found_rest = goal_now - above;
    }
  }
  __syncthreads();
  return *found;
}

// The least logit that top-k, then top-p, then min-p leave, for each row; tokens as likely as the last of them stay too.
// One block for a row.
extern "C" __global__ void __launch_bounds__(CUT_THREADS) cut(const Cut p) {
  __shared__ u64 bins[256];
  __shared__ float maxima[CUT_THREADS / 32];
  __shared__ u32 found;
  __shared__ u64 rest;
  const int2 place = p.rows[blockIdx.x];
  if (place.x < 0) return;
  const Slot& slot = p.slots[place.x];
  const bf16* logits = p.logits + (size_t)blockIdx.x * ROW;
  float most = NOTHING;
  for_each_logit(logits, [&](float logit, u32) { most = fmaxf(most, logit); });
  most = warp_max(most);
  if ((threadIdx.x & 31) == 0) maxima[threadIdx.x >> 5] = most;
  __syncthreads();
  for (int warp = 0; warp < CUT_THREADS / 32; warp++) most = fmaxf(most, maxima[warp]);

  const bool greedy = slot.inverse_temperature == 0.f;
  float least = 2 * NOTHING;
  if (!greedy && slot.top_k > 0 && slot.top_k < VOCABULARY) {
    const u64 count = slot.top_k;
    const u32 key = key_that_reaches(logits, bins, &found, &rest, [](float) { return u64(1); },
                                     [&](u64) { return count; });
    least = from_ordered(key);
  }
  if (!greedy && slot.top_p < 1.f) {
    const float scale = slot.inverse_temperature * LOG2_E, from = least;
    const double part = slot.top_p;
    const u32 key = key_that_reaches(
        logits, bins, &found, &rest,
        [&](float logit) { return logit >= from ? u64(exp2_fast((logit - most) * scale) * 1099511627776.f) : u64(0); },
        [&](u64 total) { return u64(part * double(total)) + 1; });
    least = fmaxf(least, from_ordered(key));
  }
  if (!greedy) least = fmaxf(least, most + slot.log_min_p / slot.inverse_temperature);
  if (threadIdx.x == 0) p.least[blockIdx.x] = least;
}
