// c10d's store and process groups behind a C interface: no exception leaves, and every wait has an end.

#define USE_C10D_GLOO

#include "backend.h"

#include <c10/util/Logging.h>
#include <cxxabi.h>
#include <dlfcn.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/exception.h>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using std::chrono::milliseconds;

// How a call went; distributed/ffi.rs has the same numbers.
enum Code : int { kDone = 0, kTimedOut = 1, kPeer = 2, kOther = 3 };

// Runs `body`; where it throws, says in `message` what, and gives what kind of failure it was. Gloo's exceptions have no
// header here, so they are told by the name of their type, and a time-out of theirs by its text.
template <typename Body>
int guarded(char* message, std::size_t capacity, Body&& body) noexcept {
  std::string text = "an unknown exception";
  int code = kOther;
  try {
    body();
    return kDone;
  } catch (const std::exception& error) {
    const auto* torch = dynamic_cast<const c10::Error*>(&error);
    text = torch != nullptr ? torch->what_without_backtrace() : error.what();
    const auto* type = abi::__cxa_current_exception_type();
    const bool gloo = type != nullptr && std::strncmp(type->name(), "N4gloo", 6) == 0;
    const bool late = text.find("imed out") != std::string::npos || text.find("imeout") != std::string::npos;
    const bool peer = gloo || dynamic_cast<const c10::DistError*>(&error) != nullptr;
    code = late ? kTimedOut : peer ? kPeer : kOther;
  } catch (...) {
  }
  std::strncpy(message, text.c_str(), capacity - 1);
  return code;
}

c10::intrusive_ptr<c10d::TCPStore> tcp_store(
    const char* host, std::uint16_t port, bool serves, milliseconds timeout) {
  // Without it, c10d writes to stderr whatever TORCH_CPP_LOG_LEVEL says; Python makes this call when it imports torch.
  static const bool initialised = (c10::initLogging(), true);
  (void)initialised;
  c10d::TCPStoreOptions options;
  options.port = port;
  options.isServer = serves;
  options.waitWorkers = false; // the groups wait for all ranks when they connect
  options.multiTenant = true;
  options.timeout = timeout;
  return c10::make_intrusive<c10d::TCPStore>(host, options);
}

// Between whom Gloo's connections are made: over `interface` where one is named, within this machine where the store is,
// else over the network that this machine's name stands for.
std::shared_ptr<::gloo::transport::Device> network(const char* host, const char* interface) {
  using c10d::ProcessGroupGloo;
  if (interface != nullptr) return ProcessGroupGloo::createDeviceForInterface(interface);
  const bool local = std::strcmp(host, "127.0.0.1") == 0 || std::strcmp(host, "localhost") == 0;
  return local ? ProcessGroupGloo::createDeviceForHostname("127.0.0.1") : ProcessGroupGloo::createDefaultDevice();
}

std::string last_error_of_loader() {
  const char* text = ::dlerror();
  return text != nullptr ? text : "unknown";
}

} // namespace

// Members are destroyed from last to first: the backends join their threads before the store, whose server may be here, goes.
struct gavel_group {
  c10::intrusive_ptr<c10d::Store> store;
  milliseconds timeout;
  int rank;
  int size;
  c10::intrusive_ptr<c10d::Backend> gloo;
  c10::intrusive_ptr<c10d::Backend> nccl;

  const c10::intrusive_ptr<c10d::Backend>& backend_of(const at::Tensor& tensor) const {
    TORCH_CHECK(gloo, "the connections of this process group have been closed");
    TORCH_CHECK(!tensor.is_cuda() || nccl, "the process group was opened for CPUs, and the tensor is on CUDA");
    return tensor.is_cuda() ? nccl : gloo;
  }

  // Closes all connections but the one to the store: what other ranks wait for fails at once.
  void disconnect() {
    if (nccl) nccl->abort();
    if (gloo) gloo->shutdown();
    nccl.reset();
    gloo.reset();
  }
};

// An operation that is under way. It holds its tensors, so that their memory outlives it.
struct gavel_work {
  c10::intrusive_ptr<c10d::Work> work;
  std::vector<at::Tensor> held;
};

extern "C" {

// A store's server, at `*port`, or at a free port where that is 0, which is written there.
int gavel_store_serve(
    std::uint16_t* port, std::int64_t timeout_ms, void** store, char* message, std::size_t capacity) {
  return guarded(message, capacity, [&] {
    auto served = tcp_store("127.0.0.1", *port, true, milliseconds(timeout_ms));
    *port = served->getPort();
    *store = new c10::intrusive_ptr<c10d::TCPStore>(std::move(served));
  });
}

void gavel_store_close(void* store) {
  delete static_cast<c10::intrusive_ptr<c10d::TCPStore>*>(store);
}

// Connects to the store, which is served here where `serves` says so, and over it to all other ranks, by Gloo.
int gavel_group_open(
    const char* host,
    std::uint16_t port,
    bool serves,
    const char* prefix,
    const char* interface,
    int rank,
    int size,
    std::int64_t open_ms,
    std::int64_t operation_ms,
    gavel_group** opened,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    auto tcp = tcp_store(host, port, serves, milliseconds(open_ms));
    auto group = std::make_unique<gavel_group>();
    group->timeout = milliseconds(operation_ms);
    group->rank = rank;
    group->size = size;
    group->store = c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(tcp));
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(open_ms));
    options->devices.push_back(network(host, interface));
    auto store = c10::make_intrusive<c10d::PrefixStore>("cpu", group->store);
    group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(std::move(store), rank, size, options);
    *opened = group.release();
  });
}

// Adds NCCL for the tensors of a CUDA device, made by the library at `path`.
int gavel_group_add_nccl(
    gavel_group* group, const char* path, int device, char* message, std::size_t capacity) {
  return guarded(message, capacity, [&] {
    void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(library != nullptr, last_error_of_loader());
    auto make = reinterpret_cast<NcclBackend>(::dlsym(library, "gavel_nccl_backend"));
    TORCH_CHECK(make != nullptr, last_error_of_loader());
    auto store = c10::make_intrusive<c10d::PrefixStore>("cuda", group->store);
    auto* backend = make(store.get(), group->rank, group->size, group->timeout, device);
    group->nccl = c10::intrusive_ptr<c10d::Backend>::reclaim(backend);
  });
}

// Each rank's tensor becomes the sum of all, or the largest of each element.
int gavel_group_all_reduce(
    gavel_group* group,
    const at::Tensor* tensor,
    bool largest,
    gavel_work** work,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = largest ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    options.timeout = group->timeout;
    auto started = group->backend_of(*tensor)->allreduce(tensors, options);
    *work = new gavel_work{std::move(started), std::move(tensors)};
  });
}

// Each rank's tensor becomes that of `root`.
int gavel_group_broadcast(
    gavel_group* group,
    const at::Tensor* tensor,
    int root,
    gavel_work** work,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    options.timeout = group->timeout;
    auto started = group->backend_of(*tensor)->broadcast(tensors, options);
    *work = new gavel_work{std::move(started), std::move(tensors)};
  });
}

// `whole` becomes the parts of all ranks, one after the other.
int gavel_group_all_gather(
    gavel_group* group,
    const at::Tensor* whole,
    const at::Tensor* part,
    gavel_work** work,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    at::Tensor into = *whole, from = *part;
    c10d::AllgatherOptions options;
    options.timeout = group->timeout;
    auto started = group->backend_of(from)->_allgather_base(into, from, options);
    *work = new gavel_work{std::move(started), {into, from}};
  });
}

// `part` becomes this rank's part of the sum of all ranks' `whole`.
int gavel_group_reduce_scatter(
    gavel_group* group,
    const at::Tensor* part,
    const at::Tensor* whole,
    gavel_work** work,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    at::Tensor into = *part, from = *whole;
    c10d::ReduceScatterOptions options;
    options.timeout = group->timeout;
    auto started = group->backend_of(from)->_reduce_scatter_base(into, from, options);
    *work = new gavel_work{std::move(started), {into, from}};
  });
}

// Waits until an operation has ended, on CUDA until it is in line before what comes next, and frees it.
int gavel_work_wait(gavel_work* work, char* message, std::size_t capacity) {
  const std::unique_ptr<gavel_work> owned(work);
  return guarded(message, capacity, [&] { owned->work->wait(); });
}

// Leaves a text in the store for the other ranks.
int gavel_group_set(
    gavel_group* group,
    const char* key,
    const std::uint8_t* text,
    std::size_t length,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    group->store->set(std::string(key), std::vector<std::uint8_t>(text, text + length));
  });
}

// Copies a text of the store into `text`, which has room for `room` bytes, and gives its length: 0 where there is none yet.
int gavel_group_get(
    gavel_group* group,
    const char* key,
    std::uint8_t* text,
    std::size_t room,
    std::size_t* length,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] {
    *length = 0;
    if (!group->store->check({key})) return;
    const auto found = group->store->get(std::string(key));
    *length = std::min(found.size(), room);
    std::memcpy(text, found.data(), *length);
  });
}

// Adds to a number of the store, which begins as 0, and gives what it is then.
int gavel_group_add(
    gavel_group* group,
    const char* key,
    std::int64_t added,
    std::int64_t* sum,
    char* message,
    std::size_t capacity) {
  return guarded(message, capacity, [&] { *sum = group->store->add(key, added); });
}

int gavel_group_disconnect(gavel_group* group, char* message, std::size_t capacity) {
  return guarded(message, capacity, [&] { group->disconnect(); });
}

// Ends the group, and with it the store's server where that is here.
void gavel_group_close(gavel_group* group) {
  char message[256] = {};
  const std::unique_ptr<gavel_group> owned(group);
  guarded(message, sizeof message, [&] { owned->disconnect(); });
}

} // extern "C"
