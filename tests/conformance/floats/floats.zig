//! Says the number that the reference is, and its bits.

const std = @import("std");
const gavel = @import("gavel");

fn verify(submission: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict {
    const text = submission.reference orelse return gavel.fail(error.InvalidTask, "no reference", .{});
    const value = std.fmt.parseFloat(f64, text) catch
        return gavel.fail(error.InvalidTask, "\"{s}\" is no number", .{text});
    const bits: u64 = @bitCast(value);
    return .{
        .reward = value,
        .metrics = try gavel.allocator.dupe(gavel.Metric, &.{
            .{ .name = "value", .value = value },
            .{ .name = "high", .value = @floatFromInt(bits >> 32) },
            .{ .name = "low", .value = @floatFromInt(bits & 0xffffffff) },
        }),
    };
}

comptime {
    gavel.plugin(gavel.NoOptions, verify, .{
        .name = "floats",
        .version = "0.1.0",
        .summary = "Says the number that the reference is, and its bits.",
        .metrics = &.{ "value", "high", "low" },
    });
}
