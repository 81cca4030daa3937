// Reads torch's caching allocator through c10's device-neutral interface, so that no CUDA header or library is needed.

#include <c10/core/CachingDeviceAllocator.h>
#include <cstddef>
#include <cstdint>

namespace {

// The CUDA allocator, or null while libtorch_cuda is not loaded, has not started, or has no such device.
c10::DeviceAllocator* cuda_allocator() {
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(c10::DeviceType::CUDA));
  return allocator != nullptr && allocator->initialized() ? allocator : nullptr;
}

constexpr auto kAggregate = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);

} // namespace

extern "C" bool gavel_memory_statistics(std::int8_t device, std::int64_t* bytes) {
  try {
    auto* allocator = cuda_allocator();
    if (allocator == nullptr) return false;
    const auto statistics = allocator->getDeviceStats(device);
    bytes[0] = statistics.allocated_bytes[kAggregate].current;
    bytes[1] = statistics.allocated_bytes[kAggregate].peak;
    bytes[2] = statistics.reserved_bytes[kAggregate].peak;
    return true;
  } catch (...) {
    return false;
  }
}

extern "C" bool gavel_device_memory(std::int8_t device, std::int64_t* bytes) {
  try {
    auto* allocator = cuda_allocator();
    if (allocator == nullptr) return false;
    // Free and all of it.
    *bytes = static_cast<std::int64_t>(allocator->getMemoryInfo(device).second);
    return true;
  } catch (...) {
    return false;
  }
}

extern "C" void gavel_reset_peak_memory(std::int8_t device) {
  try {
    if (auto* allocator = cuda_allocator()) allocator->resetPeakStats(device);
  } catch (...) {
  }
}
