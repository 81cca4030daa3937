// NCCL's half of a process group: a library of its own, opened where ranks train on CUDA, so that a build for the CPU links
// without libtorch_cuda.

#define USE_C10D_NCCL

#include "backend.h"

#include <c10/cuda/CUDAFunctions.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

extern "C" c10d::Backend* gavel_nccl_backend(
    c10d::Store* store, int rank, int size, std::chrono::milliseconds timeout, int device) {
  const auto index = static_cast<c10::DeviceIndex>(device);
  c10::cuda::set_device(index);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  auto shared = c10::intrusive_ptr<c10d::Store>::reclaim_copy(store);
  auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(shared, rank, size, options);
  // Connects now, so that what is wrong with the cards or the network is found before anything else is loaded.
  group->eagerConnectSingleDevice(at::Device(at::kCUDA, index));
  return c10::intrusive_ptr<c10d::Backend>(std::move(group)).release();
}
