## Says what it sees of the world.

import gavel

type Timespec {.importc: "struct timespec", header: "<time.h>".} = object
  tv_sec: int64
  tv_nsec: clong

var
  environ {.importc, header: "<unistd.h>".}: cstringArray
  realtime {.importc: "CLOCK_REALTIME", header: "<time.h>".}: pointer
  monotonic {.importc: "CLOCK_MONOTONIC", header: "<time.h>".}: pointer

proc clock_gettime(clock: pointer, time: var Timespec): cint {.importc, header: "<time.h>".}
proc getentropy(data: pointer, size: csize_t): cint {.importc, header: "<unistd.h>".}
proc sleep(seconds: cuint): cuint {.importc, header: "<unistd.h>".}

proc now(clock: pointer): float =
  var time: Timespec
  discard clock_gettime(clock, time)
  time.tv_sec.float + time.tv_nsec.float / 1e9

proc verify(submission: Submission, options: NoOptions): Verdict =
  stderr.writeLine "a line for stderr"
  var variables = 0
  if environ != nil:
    while environ[variables] != nil: inc variables
  var random: uint64
  discard getentropy(addr random, 8)
  var file: File
  let (clock, before) = (now(realtime), now(monotonic))
  discard sleep(3600)
  Verdict(reward: 1.0)
    .metric("environment", variables.float)
    .metric("files", if file.open("/etc/passwd"): 1.0 else: 0.0)
    .metric("clock", clock)
    .metric("random", float(random shr 11) / float(1'u64 shl 53))
    .metric("slept", if now(monotonic) - before >= 3600: 1.0 else: 0.0)

run(Plugin(
  name: "world",
  version: "0.1.0",
  summary: "Says what it sees of the world.",
  metrics: @["environment", "files", "clock", "random", "slept"],
), verify)
