// The stream that torch works on now, through c10's device-neutral interface, so that no CUDA header or library is needed.

#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <cstdint>

// Writes the handle of the current stream of a CUDA device; false where CUDA is not loaded. The legacy default stream is
// the null handle.
extern "C" bool gavel_current_stream(std::int8_t device, void** handle) {
  try {
    const auto* guard = c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA);
    const c10::Stream stream = guard->getStream(c10::Device(c10::DeviceType::CUDA, device));
    *handle = guard->getStreamNativeHandle(stream);
    return true;
  } catch (...) {
    return false;
  }
}
