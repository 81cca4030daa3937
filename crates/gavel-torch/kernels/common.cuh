// What all kernels share: number formats, sums over a warp. CUDA's own headers are not included: they are not on every
// machine that has a driver and a libtorch.
#pragma once

typedef unsigned short bf16;  // the bits of a bfloat16
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr float LOG2_E = 1.4426950408889634f;
constexpr float LN_2 = 0.6931471805599453f;
constexpr u32 ALL_LANES = 0xffffffffu;

// ---- bf16

__device__ __forceinline__ float to_float(bf16 value) { return __uint_as_float(u32(value) << 16); }

// Two bf16 of a word: the lower half is the first.
__device__ __forceinline__ float2 to_floats(u32 pair) {
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

// Rounds to nearest, ties to even.
__device__ __forceinline__ u32 to_bf16_pair(float first, float second) {
  u32 pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

__device__ __forceinline__ bf16 to_bf16(float value) { return bf16(to_bf16_pair(value, 0.f)); }

// ---- exponentials, in base 2 as the hardware has them

__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ __forceinline__ float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ __forceinline__ float silu(float x) { return x / (1.f + exp2_fast(-LOG2_E * x)); }

// ---- over the 32 lanes of a warp; every lane gets the result

__device__ __forceinline__ float warp_sum(float value) {
  for (int offset = 16; offset; offset >>= 1) value += __shfl_xor_sync(ALL_LANES, value, offset);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
  for (int offset = 16; offset; offset >>= 1) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, offset));
  return value;
}

// The sum over a block of WARPS warps, to every thread; `shared` holds a number for each warp.
template <int WARPS>
__device__ __forceinline__ float block_sum(float value, float* shared) {
  value = warp_sum(value);
  __syncthreads();
  if ((threadIdx.x & 31) == 0) shared[threadIdx.x >> 5] = value;
  __syncthreads();
  float sum = 0.f;
#pragma unroll
  for (int warp = 0; warp < WARPS; warp++) sum += shared[warp];
  return sum;
}
