//! Says what it was given.

const std = @import("std");
const gavel = @import("gavel");

const Options = struct { tag: []const u8 = "" };
const Columns = struct { note: ?[]const u8 = null };

fn shown(text: ?[]const u8) []const u8 {
    return if (text) |some| gavel.print("[{s}]", .{some}) else "<none>";
}

fn verify(submission: gavel.Submission, options: Options) gavel.Error!gavel.Verdict {
    const columns = try submission.columns(Columns);
    const all = try std.mem.concat(gavel.allocator, u8, &.{
        shown(submission.prompt),  shown(submission.completion), shown(submission.reference),
        shown(columns.note),       shown(options.tag),
    });
    var sum: f64 = 0;
    for (submission.completion) |byte| sum += @floatFromInt(byte);
    const reference: f64 = if (submission.reference) |text| @floatFromInt(text.len) else -1;
    return .{
        .reward = 1,
        .reason = if (all.len <= 1100) all else "large",
        .metrics = try gavel.allocator.dupe(gavel.Metric, &.{
            .{ .name = "prompt_bytes", .value = @floatFromInt(submission.prompt.len) },
            .{ .name = "completion_bytes", .value = @floatFromInt(submission.completion.len) },
            .{ .name = "completion_sum", .value = sum },
            .{ .name = "reference_bytes", .value = reference },
        }),
    };
}

comptime {
    gavel.plugin(Options, verify, .{
        .name = "echo",
        .version = "0.1.0",
        .summary = "Says what it was given.",
        .metrics = &.{ "prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes" },
    });
}
