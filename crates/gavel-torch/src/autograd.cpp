// Nodes of torch's autograd graph whose backward pass is a closure of Rust, and the few verbs on gradients that tch lacks.

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shared.h"

namespace {

using torch::autograd::variable_list;

constexpr std::size_t kMessage = 1024;

// Runs the closure, which is gone afterwards: gradients by outputs in, gradients by inputs out, null where there is none.
using Run = bool (*)(
    void* closure,
    at::Tensor** by_outputs,
    std::size_t outputs,
    at::Tensor** by_inputs,
    std::size_t inputs,
    char* message,
    std::size_t capacity);
using Drop = void (*)(void* closure);

struct RustNode : torch::autograd::Node {
  RustNode(void* closure, Run run, Drop drop, std::size_t inputs)
      : closure_(closure), run_(run), drop_(drop), inputs_(inputs) {}

  ~RustNode() override {
    release_variables();
  }

  void release_variables() override {
    if (void* closure = std::exchange(closure_, nullptr)) drop_(closure);
  }

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(closure_ != nullptr, "a backward pass runs once through each graph");
    std::vector<at::Tensor*> by_outputs;
    for (auto& gradient : gradients)
      by_outputs.push_back(gradient.defined() ? new at::Tensor(std::move(gradient)) : nullptr);
    std::vector<at::Tensor*> by_inputs(inputs_, nullptr);
    char message[kMessage] = {};
    void* closure = std::exchange(closure_, nullptr);
    const bool ran = run_(
        closure, by_outputs.data(), by_outputs.size(), by_inputs.data(), by_inputs.size(), message, kMessage);
    variable_list result;
    for (auto* gradient : by_inputs) {
      result.push_back(gradient == nullptr ? at::Tensor() : *gradient);
      delete gradient;
    }
    TORCH_CHECK(ran, static_cast<const char*>(message));
    return result;
  }

 private:
  void* closure_;
  Run run_;
  Drop drop_;
  std::size_t inputs_;
};

} // namespace

// Replaces `outputs` by the same tensors as results of a node with these inputs. Takes the closure in any case.
extern "C" bool gavel_differentiable(
    at::Tensor* const* inputs,
    std::size_t input_count,
    at::Tensor** outputs,
    std::size_t output_count,
    void* closure,
    Run run,
    Drop drop,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    auto node = std::shared_ptr<RustNode>(
        new RustNode(closure, run, drop, input_count), torch::autograd::deleteNode);
    const auto given = collected(inputs, input_count);
    const bool needed =
        at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(given);
    if (needed) node->set_next_edges(torch::autograd::collect_next_edges(given));
    for (std::size_t index = 0; index < output_count; ++index) {
      at::Tensor output(outputs[index]->variable_data());
      if (needed) torch::autograd::set_history(output, node);
      outputs[index] = new at::Tensor(std::move(output));
    }
  });
}

// Starts the backward pass at `outputs` from these gradients.
extern "C" bool gavel_backward(
    at::Tensor* const* outputs,
    at::Tensor* const* gradients,
    std::size_t count,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    torch::autograd::backward(collected(outputs, count), collected(gradients, count));
  });
}

// Null forgets it.
extern "C" void gavel_set_gradient(const at::Tensor* leaf, const at::Tensor* gradient) {
  leaf->mutable_grad() = gradient == nullptr ? at::Tensor() : *gradient;
}
