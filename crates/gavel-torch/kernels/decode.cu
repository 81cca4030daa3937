// The transformer's step for one token a row, beside its matrix products: embedding, RMSNorm, attention over a paged
// cache, SwiGLU. A row is a place in the batch; what it computes depends on nothing but itself, whatever the others are.
//
// Constants of the compiler: HIDDEN, INTERMEDIATE, HEAD_DIM (32, 64 or 128), GROUP (query heads that share keys, at most
// 8), KEY_HEADS, PAGE (tokens of a page of the cache), SPLIT (keys of one block of attention).
#include "common.cuh"

// ---------------------------------------------------------------- embedding

struct Embed {
  const bf16* embedding;  // (vocabulary, HIDDEN)
  const int* slots;       // for each row its slot, or -1
  const int* tokens;      // for each slot: the token drawn last
  const int* positions;   // for each slot: where that token stands
  const int* done;        // for each slot: whether the sequence has ended
  int2* rows;             // out, for each row: slot (-1: nothing to do) and position
  bf16* hidden;           // out (rows, HIDDEN)
};

// One block of 128 threads for a row.
extern "C" __global__ void __launch_bounds__(128) embed(const Embed p) {
  const int row = blockIdx.x;
  int slot = p.slots[row];
  if (slot >= 0 && p.done[slot]) slot = -1;
  if (threadIdx.x == 0) p.rows[row] = make_int2(slot, slot >= 0 ? p.positions[slot] : 0);
  const uint4* from = (const uint4*)(p.embedding + (size_t)(slot >= 0 ? p.tokens[slot] : 0) * HIDDEN);
  uint4* to = (uint4*)(p.hidden + (size_t)row * HIDDEN);
  for (int i = threadIdx.x; i < HIDDEN / 8; i += 128) to[i] = from[i];
}

// ---------------------------------------------------------------- RMSNorm, https://arxiv.org/abs/1910.07467

struct RmsNorm {
  const bf16* input;   // (rows, HIDDEN)
  const bf16* weight;  // (HIDDEN)
  bf16* output;        // (rows, HIDDEN)
  float epsilon;
};

// One block of 128 threads for a row, which stays in registers.
extern "C" __global__ void __launch_bounds__(128) rms_norm(const RmsNorm p) {
  constexpr int VECTORS = (HIDDEN / 8 + 127) / 128;
  __shared__ float shared[4];
  const size_t row = (size_t)blockIdx.x * HIDDEN;
  uint4 input[VECTORS];
  float squares = 0.f;
#pragma unroll
  for (int k = 0; k < VECTORS; k++) {
    const int i = threadIdx.x + 128 * k;
    if (i >= HIDDEN / 8) continue;
    input[k] = ((const uint4*)(p.input + row))[i];
    const u32* pairs = (const u32*)&input[k];
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const float2 x = to_floats(pairs[e]);
      squares += x.x * x.x + x.y * x.y;
    }
  }
  const float scale = rsqrtf(block_sum<4>(squares, shared) / HIDDEN + p.epsilon);
#pragma unroll
  for (int k = 0; k < VECTORS; k++) {
    const int i = threadIdx.x + 128 * k;
    if (i >= HIDDEN / 8) continue;
    const uint4 weight = ((const uint4*)p.weight)[i];
    const u32 *pairs = (const u32*)&input[k], *weights = (const u32*)&weight;
    uint4 output;
    u32* out = (u32*)&output;
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const float2 x = to_floats(pairs[e]), w = to_floats(weights[e]);
      out[e] = to_bf16_pair(x.x * scale * w.x, x.y * scale * w.y);
    }
    ((uint4*)(p.output + row))[i] = output;
  }
}

// ---------------------------------------------------------------- SwiGLU, https://arxiv.org/abs/2002.05202

struct SiluMul {
  const bf16* gate_up;  // (rows, 2 INTERMEDIATE): gate, then up
  bf16* output;         // (rows, INTERMEDIATE)
};

// Blocks of 256 threads, 8 columns for each: (columns / 2048, rows).
extern "C" __global__ void __launch_bounds__(256) silu_mul(const SiluMul p) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if (i >= INTERMEDIATE / 8) return;
  const bf16* row = p.gate_up + (size_t)blockIdx.y * 2 * INTERMEDIATE;
  const uint4 gate = ((const uint4*)row)[i], up = ((const uint4*)(row + INTERMEDIATE))[i];
  const u32 *gates = (const u32*)&gate, *ups = (const u32*)&up;
  uint4 output;
  u32* out = (u32*)&output;
#pragma unroll
  for (int e = 0; e < 4; e++) {
    const float2 g = to_floats(gates[e]), u = to_floats(ups[e]);
    out[e] = to_bf16_pair(silu(g.x) * u.x, silu(g.y) * u.y);
  }
  ((uint4*)(p.output + (size_t)blockIdx.y * INTERMEDIATE))[i] = output;
}

// ---------------------------------------------------------------- attention

struct Attention {
  const bf16* projected;  // (rows, (heads + 2 KEY_HEADS) HEAD_DIM): queries, keys, values
  bf16* keys;             // one layer's cache: (pages, KEY_HEADS, PAGE, HEAD_DIM)
  bf16* values;
  const int2* rows;       // for each row: line of the table (-1: nothing to do) and position
  const int* table;       // (lines, table_stride): the page of each PAGE tokens
  const float2* rope;     // (positions, HEAD_DIM / 2): cosine and sine
  bf16* output;           // (rows, heads HEAD_DIM)
  float* partial;         // (rows KEY_HEADS, splits, GROUP, HEAD_DIM): what several splits of a row put together
  float2* partial_norms;  // (rows KEY_HEADS, splits, GROUP): maximum and sum
  int* arrived;           // (rows KEY_HEADS), zeros: how many splits are done
  int table_stride;
  int splits;
  float scale;            // of scores, times log2(e)
  int stores;             // 1: this kernel adds the row's own key and value; 0: store_keys has
};

constexpr int HEADS = GROUP * KEY_HEADS;
constexpr int HALF = HEAD_DIM / 2;
constexpr int PROJECTED = (HEADS + 2 * KEY_HEADS) * HEAD_DIM;

__device__ __forceinline__ size_t place_in_cache(int page, int head, int position) {
  return (((size_t)page * KEY_HEADS + head) * PAGE + position % PAGE) * HEAD_DIM;
}

// Turns one head by its position (RoFormer, https://arxiv.org/abs/2104.09864; the halves of a head make the pairs, as in
// checkpoints of Hugging Face). One warp.
__device__ __forceinline__ void rotate(const bf16* head, const float2* turns, bf16* to) {
  for (int i = threadIdx.x & 31; i < HALF; i += 32) {
    const float a = to_float(head[i]), b = to_float(head[i + HALF]);
    const float2 turn = turns[i];
    to[i] = to_bf16(a * turn.x - b * turn.y);
    to[i + HALF] = to_bf16(b * turn.x + a * turn.y);
  }
}

__device__ __forceinline__ void copy_head(const bf16* head, bf16* to) {
  for (int i = threadIdx.x & 31; i < HALF; i += 32) ((u32*)to)[i] = ((const u32*)head)[i];
}

// Adds keys and values of many rows to the cache before any of them attends: rows of one prompt see each other.
// One block for a row, one warp for a head.
extern "C" __global__ void __launch_bounds__(256) store_keys(const Attention p) {
  const int2 row = p.rows[blockIdx.x];
  if (row.x < 0) return;
  const int page = p.table[(size_t)row.x * p.table_stride + row.y / PAGE];
  const bf16* projected = p.projected + (size_t)blockIdx.x * PROJECTED + HEADS * HEAD_DIM;
  for (int head = threadIdx.x >> 5; head < 2 * KEY_HEADS; head += blockDim.x >> 5) {
    const bf16* from = projected + head * HEAD_DIM;
    if (head < KEY_HEADS) {
      rotate(from, p.rope + (size_t)row.y * HALF, p.keys + place_in_cache(page, head, row.y));
    } else {
      copy_head(from, p.values + place_in_cache(page, head - KEY_HEADS, row.y));
    }
  }
}

struct HeadNorm {
  bf16* projected;       // (rows, (heads + 2 KEY_HEADS) HEAD_DIM): queries, keys, values; the first two are changed
  const bf16* queries;   // (HEAD_DIM): the weight of queries
  const bf16* keys;      // (HEAD_DIM)
  float epsilon;
};

// RMSNorm of every query and key by itself (Qwen3, https://arxiv.org/abs/2505.09388). One block for a row, one warp for
// a head, which stays in registers.
extern "C" __global__ void __launch_bounds__(256) head_norm(const HeadNorm p) {
  const int lane = threadIdx.x & 31;
  bf16* row = p.projected + (size_t)blockIdx.x * PROJECTED;
  for (int head = threadIdx.x >> 5; head < HEADS + KEY_HEADS; head += blockDim.x >> 5) {
    u32* pairs = (u32*)(row + head * HEAD_DIM);
    const u32* weights = (const u32*)(head < HEADS ? p.queries : p.keys);
    constexpr int PAIRS = (HALF + 31) / 32;
    float2 x[PAIRS];
    float squares = 0.f;
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
      const int i = lane + 32 * k;
      x[k] = i < HALF ? to_floats(pairs[i]) : make_float2(0.f, 0.f);
      squares += x[k].x * x[k].x + x[k].y * x[k].y;
    }
    for (int distance = 16; distance > 0; distance /= 2) squares += __shfl_xor_sync(~0u, squares, distance);
    const float scale = rsqrtf(squares / HEAD_DIM + p.epsilon);
#pragma unroll
    for (int k = 0; k < PAIRS; k++) {
      const int i = lane + 32 * k;
      if (i >= HALF) continue;
      const float2 w = to_floats(weights[i]);
      pairs[i] = to_bf16_pair(x[k].x * scale * w.x, x[k].y * scale * w.y);
    }
  }
}

// D (16 x 8) += A (16 x 16) B (16 x 8) on a tensor core, where the lower eight rows of A are zero.
__device__ __forceinline__ void multiply_upper(float2& d, u32 a0, u32 a2, u32 b0, u32 b1) {
  float zero0, zero1;  // the lower rows of the product
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%5}, {%7,%8}, {%9,%10,%11,%11};"
      : "=f"(d.x), "=f"(d.y), "=f"(zero0), "=f"(zero1)
      : "r"(a0), "r"(0), "r"(a2), "r"(b0), "r"(b1), "f"(d.x), "f"(d.y), "f"(0.f));
}

// 16 bytes of the cache. Each is read once in a step, so it shall not push weights out of the L2 cache. The offset is
// part of the instruction: all loads of a turn then share one address.
template <int BYTES>
__device__ __forceinline__ uint4 load_streaming(const void* from, u64 policy) {
  uint4 v;
  asm volatile("ld.global.L1::no_allocate.L2::cache_hint.v4.u32 {%0,%1,%2,%3}, [%4 + %6], %5;"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from), "l"(policy), "n"(BYTES)
               : "memory");
  return v;
}

// A loop whose index is a constant, for registers and immediates.
template <int I>
struct Index {
  static constexpr int value = I;
};
template <int FROM, int TO, class Body>
__device__ __forceinline__ void unrolled(Body body) {
  if constexpr (FROM < TO) {
    body(Index<FROM>{});
    unrolled<FROM + 1, TO>(body);
  }
}

constexpr int WARPS = 4;
constexpr int TURN = 16;                        // keys that a warp takes at a time
constexpr int STRIDE = WARPS * TURN;            // keys that a block takes at a time
constexpr int KEY_TILES = TURN / 8;             // tiles of scores: 8 keys each
constexpr int KEY_VECTORS = HEAD_DIM / 32;      // 16-byte vectors of a key that a lane holds
constexpr int WIDE = HEAD_DIM < 64 ? 1 : HEAD_DIM / 64;
static_assert(PAGE % TURN == 0 && SPLIT % STRIDE == 0, "a turn stays within a page and a split");

// The 16 keys and values that a warp works on, in the registers that the tensor core reads them from. Lane 4 g + t.
struct Turn {
  uint4 keys[KEY_TILES][KEY_VECTORS];  // key 8 tile + g, dimensions 32 j + 8 t ..
  uint4 values[4][WIDE];               // key 2 t + {0, 1, 8, 9}, dimensions 64 h + 8 g ..
};

// One block for a row, a head of keys and a split of the keys; its warps take turns of 16 keys each, and keep the softmax
// as they go (FlashAttention, https://arxiv.org/abs/2205.14135; the queries that share keys fill a tensor core's tile).
//
// Queries lie in the rows of a tile, so that scores lie as the second product needs its left side: what a lane computes
// it also uses. Dimensions are permuted alike in queries and keys, so that each lane loads 16 bytes of a key at a time.
extern "C" __global__ void __launch_bounds__(32 * WARPS, HEAD_DIM > 64 ? 2 : 4) attention(const Attention p) {
  __shared__ __align__(16) bf16 queries[8][HEAD_DIM];
  __shared__ float sums[WARPS][GROUP][HEAD_DIM];
  __shared__ float norms[WARPS][8][2];
  __shared__ int is_last;
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, t = lane & 3;
  const int row = blockIdx.x / KEY_HEADS, key_head = blockIdx.x % KEY_HEADS, split = blockIdx.y;
  const int2 place = p.rows[row];
  const int position = place.y, first = split * SPLIT, end = min(position + 1, first + SPLIT);
  if (place.x < 0 || first > position) return;
  const int* pages = p.table + (size_t)place.x * p.table_stride;
  auto page_of = [&](int key) { return pages[min(key, position) / PAGE]; };

  u64 policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  Turn turn;
  auto load_keys = [&](int page, int key) {
    const bf16* from = p.keys + place_in_cache(page, key_head, key) + g * HEAD_DIM + 8 * t;
    unrolled<0, KEY_TILES * KEY_VECTORS>([&](auto index) {
      constexpr int tile = decltype(index)::value / KEY_VECTORS, j = decltype(index)::value % KEY_VECTORS;
      turn.keys[tile][j] = load_streaming<2 * (tile * 8 * HEAD_DIM + 32 * j)>(from, policy);
    });
  };
  auto load_values = [&](int page, int key) {
    const bf16* from = p.values + place_in_cache(page, key_head, key) + 2 * t * HEAD_DIM + 8 * g;
    // With heads of 32 the right half of a tile has no dimensions.
    if (HEAD_DIM < 64 && g >= 4) {
      for (int e = 0; e < 4; e++) turn.values[e][0] = make_uint4(0, 0, 0, 0);
      return;
    }
    unrolled<0, 4 * WIDE>([&](auto index) {
      constexpr int e = decltype(index)::value / WIDE, h = decltype(index)::value % WIDE;
      turn.values[e][h] = load_streaming<2 * (((e & 1) + 8 * (e >> 1)) * HEAD_DIM + 64 * h)>(from, policy);
    });
  };

  // The first turn is on its way while queries are turned, unless it holds the key that is stored only now.
  int key = first + warp * TURN;
  int page = page_of(key), next_page = page_of(key + STRIDE);
  const bool early = key < end && key + TURN <= position;
  if (early) {
    load_keys(page, key);
    load_values(page, key);
  }
  const bf16* projected = p.projected + (size_t)row * PROJECTED;
  const float2* turns = p.rope + (size_t)position * HALF;
  for (int head = warp; head < GROUP; head += WARPS) {
    rotate(projected + (key_head * GROUP + head) * HEAD_DIM, turns, queries[head]);
  }
  if (p.stores && end == position + 1) {
    const size_t own = place_in_cache(page_of(position), key_head, position);
    if (warp == WARPS - 1) rotate(projected + (HEADS + key_head) * HEAD_DIM, turns, p.keys + own);
    if (warp == WARPS - 2) copy_head(projected + (HEADS + KEY_HEADS + key_head) * HEAD_DIM, p.values + own);
  }
  __syncthreads();
  if (!early && key < end) {
    load_keys(page, key);
    load_values(page, key);
  }

  u32 query[KEY_VECTORS][4];
#pragma unroll
  for (int j = 0; j < KEY_VECTORS; j++) {
    const uint4 v = g < GROUP ? *(const uint4*)&queries[g][32 * j + 8 * t] : make_uint4(0, 0, 0, 0);
    query[j][0] = v.x, query[j][1] = v.y, query[j][2] = v.z, query[j][3] = v.w;
  }
  float2 sum[8 * WIDE];
#pragma unroll
  for (int i = 0; i < 8 * WIDE; i++) sum[i] = make_float2(0.f, 0.f);
  float most = -1e30f, total = 0.f;
  while (key < end) {
    const int next = key + STRIDE, page_after = page_of(next + STRIDE);
    const bool more = next < end;
    float2 scores[KEY_TILES];
#pragma unroll
    for (int tile = 0; tile < KEY_TILES; tile++) {
      scores[tile] = make_float2(0.f, 0.f);
#pragma unroll
      for (int j = 0; j < KEY_VECTORS; j++) {
        const uint4 k = turn.keys[tile][j];
        multiply_upper(scores[tile], query[j][0], query[j][1], k.x, k.y);
        multiply_upper(scores[tile], query[j][2], query[j][3], k.z, k.w);
      }
    }
    if (more) load_keys(next_page, next);
    float above = most;
#pragma unroll
    for (int tile = 0; tile < KEY_TILES; tile++) {
      const int at = key + 8 * tile + 2 * t;
      scores[tile].x = at < end ? scores[tile].x * p.scale : -1e30f;
      scores[tile].y = at + 1 < end ? scores[tile].y * p.scale : -1e30f;
      above = fmaxf(above, fmaxf(scores[tile].x, scores[tile].y));
    }
    // The four lanes of a row of the tile.
    above = fmaxf(above, __shfl_xor_sync(ALL_LANES, above, 1));
    above = fmaxf(above, __shfl_xor_sync(ALL_LANES, above, 2));
    const float shrink = exp2_fast(most - above);
    most = above;
    total *= shrink;
#pragma unroll
    for (int i = 0; i < 8 * WIDE; i++) sum[i].x *= shrink, sum[i].y *= shrink;
    const float p0 = exp2_fast(scores[0].x - most), p1 = exp2_fast(scores[0].y - most);
    const float p2 = exp2_fast(scores[1].x - most), p3 = exp2_fast(scores[1].y - most);
    total += (p0 + p1) + (p2 + p3);
    const u32 left = to_bf16_pair(p0, p1), right = to_bf16_pair(p2, p3);
#pragma unroll
    for (int h = 0; h < WIDE; h++) {
#pragma unroll
      for (int i = 0; i < 8; i++) {
        auto word = [&](const uint4& v) { return i / 2 == 0 ? v.x : i / 2 == 1 ? v.y : i / 2 == 2 ? v.z : v.w; };
        const u32 half = (i & 1) ? 0x7632 : 0x5410;
        const u32 upper = __byte_perm(word(turn.values[0][h]), word(turn.values[1][h]), half);
        const u32 lower = __byte_perm(word(turn.values[2][h]), word(turn.values[3][h]), half);
        multiply_upper(sum[8 * h + i], left, right, upper, lower);
      }
    }
    if (more) load_values(next_page, next);
    key = next;
    next_page = page_after;
  }

  total += __shfl_xor_sync(ALL_LANES, total, 1);
  total += __shfl_xor_sync(ALL_LANES, total, 2);
  if (g < GROUP) {
#pragma unroll
    for (int h = 0; h < WIDE; h++) {
#pragma unroll
      for (int i = 0; i < 8; i++) {
        if (HEAD_DIM < 64 && t >= 2) continue;
        sums[warp][g][64 * h + 16 * t + i] = sum[8 * h + i].x;
        sums[warp][g][64 * h + 16 * t + 8 + i] = sum[8 * h + i].y;
      }
    }
    if (t == 0) norms[warp][g][0] = most, norms[warp][g][1] = total;
  }
  __syncthreads();

  // Put the warps together, and where a row has several splits those too, each in a fixed order.
  const int splits = position / SPLIT + 1;
  const size_t whole = (size_t)blockIdx.x * p.splits;
  bf16* output = p.output + (size_t)row * HEADS * HEAD_DIM + key_head * GROUP * HEAD_DIM;
  for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += 32 * WARPS) {
    const int head = i / HEAD_DIM, d = i % HEAD_DIM;
    float all_most = -1e30f, all_total = 0.f, all_sum = 0.f;
#pragma unroll
    for (int w = 0; w < WARPS; w++) all_most = fmaxf(all_most, norms[w][head][0]);
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      const float shrink = exp2_fast(norms[w][head][0] - all_most);
      all_total += shrink * norms[w][head][1];
      all_sum += shrink * sums[w][head][d];
    }
    if (splits == 1) {
      output[i] = to_bf16(all_sum / all_total);
    } else {
      p.partial[(whole + split) * GROUP * HEAD_DIM + i] = all_sum;
      if (d == 0) p.partial_norms[(whole + split) * GROUP + head] = make_float2(all_most, all_total);
    }
  }
  if (splits == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    is_last = atomicAdd(p.arrived + blockIdx.x, 1) == splits - 1;
    if (is_last) p.arrived[blockIdx.x] = 0;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  for (int i = threadIdx.x; i < GROUP * HEAD_DIM; i += 32 * WARPS) {
    const int head = i / HEAD_DIM;
    float all_most = -1e30f, all_total = 0.f, all_sum = 0.f;
    for (int s = 0; s < splits; s++) all_most = fmaxf(all_most, __ldcg(p.partial_norms + (whole + s) * GROUP + head).x);
    for (int s = 0; s < splits; s++) {
      const float2 norm = __ldcg(p.partial_norms + (whole + s) * GROUP + head);
      const float shrink = exp2_fast(norm.x - all_most);
      all_total += shrink * norm.y;
      all_sum += shrink * __ldcg(p.partial + (whole + s) * GROUP * HEAD_DIM + i);
    }
    output[i] = to_bf16(all_sum / all_total);
  }
}
