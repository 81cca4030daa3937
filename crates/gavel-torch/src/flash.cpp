// Flash attention over packed sequences, which tch has the backward pass of but not the forward pass.

#include <ATen/ops/_flash_attention_forward.h>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>

// Puts output, logarithms of sums, and the two tensors that the backward pass asks for into `results`.
extern "C" bool gavel_flash_attention(
    const at::Tensor* queries,
    const at::Tensor* keys,
    const at::Tensor* values,
    const at::Tensor* query_bounds,
    const at::Tensor* key_bounds,
    std::int64_t longest_query,
    std::int64_t longest_key,
    bool causal,
    at::Tensor** results,
    char* message,
    std::size_t capacity) {
  try {
    auto [output, log_sums, state, unused, mask] = at::_flash_attention_forward(
        *queries, *keys, *values, *query_bounds, *key_bounds, longest_query, longest_key, 0.0, causal, false);
    results[0] = new at::Tensor(output);
    results[1] = new at::Tensor(log_sums);
    results[2] = new at::Tensor(state);
    results[3] = new at::Tensor(unused);
    return true;
  } catch (const std::exception& error) {
    std::strncpy(message, error.what(), capacity - 1);
  } catch (...) {
  }
  return false;
}
