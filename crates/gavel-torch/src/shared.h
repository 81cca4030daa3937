// What the C++ files share: lists of tensors from Rust's pointers, and exceptions as messages.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstring>
#include <exception>
#include <vector>

inline std::vector<at::Tensor> collected(at::Tensor* const* tensors, std::size_t count) {
  std::vector<at::Tensor> list;
  for (std::size_t index = 0; index < count; ++index) list.push_back(*tensors[index]);
  return list;
}

// Runs `body`; where it throws, gives false, with what was thrown in `message`.
template <typename Body>
bool guarded(char* message, std::size_t capacity, Body body) {
  try {
    body();
    return true;
  } catch (const std::exception& error) {
    std::strncpy(message, error.what(), capacity - 1);
  } catch (...) {
  }
  return false;
}
