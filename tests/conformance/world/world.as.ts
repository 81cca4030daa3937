// Says what it sees of the world.

import { clockid, environ_sizes_get, errno, eventtype, fd, path_open, poll_oneoff } from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";
import { Options, Plugin, Submission, Verdict, run } from "./.gavel/sdk/assemblyscript/gavel";

const HOUR: i64 = 3_600_000;

/** A subscription of WASI's `poll_oneoff` to the clock that ends after `milliseconds`. */
function sleep(milliseconds: i64): void {
  const subscription = new ArrayBuffer(48);
  const at = changetype<usize>(subscription);
  store<u8>(at, eventtype.CLOCK, 8);
  store<u32>(at, clockid.MONOTONIC, 16);
  store<u64>(at, milliseconds * 1_000_000, 24);
  poll_oneoff(at, changetype<usize>(new ArrayBuffer(32)), 1, changetype<usize>(new ArrayBuffer(4)));
}

function verify(submission: Submission, options: Options): Verdict {
  process.stderr.write("a line for stderr\n");
  // Stdout is the answer, so `console` writes to stderr.
  console.log("another line for stderr");
  const sizes = new ArrayBuffer(8);
  environ_sizes_get(changetype<usize>(sizes), changetype<usize>(sizes) + 4);
  const path = String.UTF8.encode("etc/passwd");
  const opened = path_open(3, 0, changetype<usize>(path), path.byteLength, 0, 0, 0, 0, changetype<usize>(new ArrayBuffer(4)));
  const clock = Date.now();
  sleep(HOUR);
  return new Verdict(1)
    .metric("environment", load<u32>(changetype<usize>(sizes)))
    .metric("files", opened == errno.SUCCESS ? 1 : 0)
    .metric("clock", <f64>clock / 1000)
    .metric("random", Math.random())
    .metric("slept", Date.now() - clock >= HOUR ? 1 : 0);
}

const plugin = new Plugin("world", "0.1.0", "Says what it sees of the world.");

run(plugin.says(["environment", "files", "clock", "random", "slept"]), verify);
