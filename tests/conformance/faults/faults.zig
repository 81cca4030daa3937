//! Breaks in every way that a plugin can break.

const std = @import("std");
const gavel = @import("gavel");

fn spin() void {
    var number: u64 = 1;
    while (number != 0) {
        number = number *% 6364136223846793005 | 1;
        std.mem.doNotOptimizeAway(number);
    }
}

fn bomb() error{OutOfMemory}!void {
    while (true) @memset(try gavel.allocator.alloc(u8, 1 << 20), 1);
}

fn recurse(depth: u64) u64 {
    var frame: [16]u64 = @splat(depth);
    std.mem.doNotOptimizeAway(&frame);
    return recurse(depth + 1) + frame[0];
}

fn verify(submission: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict {
    const asked = std.meta.stringToEnum(enum { panic, loop, bomb, recurse }, submission.completion);
    switch (asked orelse return .{ .reward = 1 }) {
        .panic => @panic("as asked"),
        .loop => spin(),
        .bomb => try bomb(),
        .recurse => return .{ .reward = @floatFromInt(recurse(1)) },
    }
    return .{ .reward = 1 };
}

comptime {
    gavel.plugin(gavel.NoOptions, verify, .{
        .name = "faults",
        .version = "0.1.0",
        .summary = "Breaks in every way that a plugin can break.",
    });
}
