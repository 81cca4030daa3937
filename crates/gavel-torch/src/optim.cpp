// AdamW over all tensors at once, and the norm of all gradients, neither of which tch has.

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <cstddef>
#include <vector>

#include "shared.h"

extern "C" bool gavel_adamw(
    at::Tensor* const* parameters,
    at::Tensor* const* gradients,
    at::Tensor* const* first_moments,
    at::Tensor* const* second_moments,
    std::size_t count,
    const at::Tensor* step,
    double learning_rate,
    double beta1,
    double beta2,
    double weight_decay,
    double epsilon,
    const at::Tensor* gradient_divisor,
    const at::Tensor* skip,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    auto changed = collected(parameters, count);
    auto divided = collected(gradients, count);
    auto first = collected(first_moments, count);
    auto second = collected(second_moments, count);
    std::vector<at::Tensor> steps(count, *step);
    at::_fused_adamw_(
        changed, divided, first, second, {}, steps, learning_rate, beta1, beta2, weight_decay, epsilon,
        /*amsgrad=*/false, /*maximize=*/false, *gradient_divisor, *skip);
  });
}

// The Euclidean norm of all tensors together; null with the reason in `message` if it fails.
extern "C" at::Tensor* gavel_norm(
    at::Tensor* const* tensors, std::size_t count, char* message, std::size_t capacity) {
  at::Tensor* result = nullptr;
  guarded(message, capacity, [&] {
    const auto norms = at::_foreach_norm(collected(tensors, count), 2);
    result = new at::Tensor(at::linalg_vector_norm(at::stack(norms)));
  });
  return result;
}

extern "C" bool gavel_copy_all(
    at::Tensor* const* targets, at::Tensor* const* sources, std::size_t count, char* message, std::size_t capacity) {
  return guarded(message, capacity, [&] {
    auto changed = collected(targets, count);
    at::_foreach_copy_(changed, collected(sources, count));
  });
}
