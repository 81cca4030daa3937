// A linear layer whose weight's gradient is summed in the format of the master weight, not in that of the multiplication.

#include <torch/csrc/autograd/custom_function.h>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <tuple>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct MasterLinear : torch::autograd::Function<MasterLinear> {
  static at::Tensor forward(
      AutogradContext* context, const at::Tensor& input, const at::Tensor& master, const at::Tensor& weight) {
    context->save_for_backward({input, weight});
    context->saved_data["kind"] = static_cast<std::int64_t>(master.scalar_type());
    return at::linear(input, weight);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& [input, weight] = std::tie(saved[0], saved[1]);
    const auto& gradient = gradients[0];
    const auto kind = static_cast<at::ScalarType>(context->saved_data["kind"].toInt());
    at::Tensor of_input, of_master;
    if (context->needs_input_grad(0)) of_input = gradient.matmul(weight);
    if (context->needs_input_grad(1)) of_master = gradient.t().matmul(input).to(kind);
    return {of_input, of_master, at::Tensor()};
  }
};

} // namespace

// A new tensor, or null with the reason in `message`, which ends in a zero byte.
extern "C" at::Tensor* gavel_master_linear(
    const at::Tensor* input,
    const at::Tensor* master,
    const at::Tensor* weight,
    char* message,
    std::size_t capacity) {
  try {
    return new at::Tensor(MasterLinear::apply(*input, *master, *weight));
  } catch (const std::exception& error) {
    std::strncpy(message, error.what(), capacity - 1);
    return nullptr;
  } catch (...) {
    return nullptr;
  }
}
