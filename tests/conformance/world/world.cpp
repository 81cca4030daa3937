// Says what it sees of the world.

#include <chrono>
#include <cstdio>
#include <random>

#include <unistd.h>

#include "gavel.hpp"

extern "C" char **environ;

static gavel::result verify(const gavel::submission &, const gavel::options &) {
    std::puts("a line for stdout");
    std::fputs("a line for stderr\n", stderr);
    int variables = 0;
    while (environ && environ[variables]) variables++;
    using seconds = std::chrono::duration<double>;
    double clock = seconds(std::chrono::system_clock::now().time_since_epoch()).count();
    std::random_device entropy;
    auto before = std::chrono::steady_clock::now();
    sleep(3600);  // there are no threads, so no std::this_thread
    bool slept = std::chrono::steady_clock::now() - before >= std::chrono::hours(1);
    return gavel::verdict{1}
        .metric("environment", variables)
        .metric("files", std::fopen("/etc/passwd", "r") != nullptr)
        .metric("clock", clock)
        .metric("random", entropy() / 4294967296.0)
        .metric("slept", slept);
}

static const char *const METRICS[] = {"environment", "files", "clock", "random", "slept", nullptr};

GAVEL_PLUGIN(.name = "world", .version = "0.1.0", .summary = "Says what it sees of the world.", .metrics = METRICS);
GAVEL_VERIFY(verify)
