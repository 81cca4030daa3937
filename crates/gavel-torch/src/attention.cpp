// Chooses among torch's kernels for attention. The switches are libtorch_cpu's, so a build without CUDA links them too.

#include <ATen/Context.h>

extern "C" void gavel_disable_cudnn_attention() {
  at::globalContext().setSDPUseCuDNN(false);
}

extern "C" bool gavel_cudnn_attention_is_enabled() {
  return at::globalContext().userEnabledCuDNNSDP();
}
