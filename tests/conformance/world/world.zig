//! Says what it sees of the world.

const std = @import("std");
const gavel = @import("gavel");
const c = @cImport({
    @cInclude("stdio.h");
    @cInclude("stdlib.h");
    @cInclude("time.h");
    @cInclude("unistd.h");
});

extern var environ: ?[*:null]?[*:0]u8;

fn now(clock: std.c.clockid_t) f64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(clock, &time);
    return @as(f64, @floatFromInt(time.sec)) + @as(f64, @floatFromInt(time.nsec)) / 1e9;
}

fn verify(_: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict {
    _ = c.puts("a line for stdout");
    std.debug.print("a line for stderr\n", .{});
    const variables: f64 = if (environ) |list| @floatFromInt(std.mem.len(list)) else 0;
    var random: u64 = 0;
    _ = c.getentropy(&random, @sizeOf(u64));
    const clock = now(.REALTIME);
    const before = now(.MONOTONIC);
    _ = c.sleep(3600);
    const slept = now(.MONOTONIC) - before >= 3600;
    return .{
        .reward = 1,
        .metrics = try gavel.allocator.dupe(gavel.Metric, &.{
            .{ .name = "environment", .value = variables },
            .{ .name = "files", .value = gavel.rightIf(c.fopen("/etc/passwd", "r") != null) },
            .{ .name = "clock", .value = clock },
            .{ .name = "random", .value = @as(f64, @floatFromInt(random >> 11)) / (1 << 53) },
            .{ .name = "slept", .value = gavel.rightIf(slept) },
        }),
    };
}

comptime {
    gavel.plugin(gavel.NoOptions, verify, .{
        .name = "world",
        .version = "0.1.0",
        .summary = "Says what it sees of the world.",
        .metrics = &.{ "environment", "files", "clock", "random", "slept" },
    });
}
