// What the two halves of a process group share: nccl.cpp, a library of its own that needs CUDA, makes a backend, and
// group.cpp uses it through c10d's interface.
#pragma once

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

// What nccl.cpp exports, as `gavel_nccl_backend`. What comes back is the caller's; throws.
using NcclBackend = c10d::Backend* (*)(
    c10d::Store* store, int rank, int size, std::chrono::milliseconds timeout, int device);
