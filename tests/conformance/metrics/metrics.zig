//! Says two hundred numbers.

const std = @import("std");
const gavel = @import("gavel");

const numbers: [200]gavel.Metric = blk: {
    @setEvalBranchQuota(100_000);
    var all: [200]gavel.Metric = undefined;
    for (&all, 0..) |*metric, index| {
        metric.* = .{ .name = std.fmt.comptimePrint("m{d:0>3}", .{index}), .value = @as(f64, index) / 2 };
    }
    break :blk all;
};

const names: [200][]const u8 = blk: {
    var all: [200][]const u8 = undefined;
    for (&all, numbers) |*name, metric| name.* = metric.name;
    break :blk all;
};

fn verify(_: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict {
    return .{ .reward = 0.5, .metrics = &numbers };
}

comptime {
    gavel.plugin(gavel.NoOptions, verify, .{
        .name = "metrics",
        .version = "0.1.0",
        .summary = "Says two hundred numbers.",
        .metrics = &names,
    });
}
