//! Says of each completion of a prompt how many are the same.

const std = @import("std");
const gavel = @import("gavel");

const Options = struct { tag: []const u8 = "" };

fn verify(submissions: []const gavel.Submission, options: Options) gavel.Error![]const gavel.Judged {
    var judged: std.ArrayList(gavel.Judged) = .empty;
    for (submissions) |submission| {
        if (std.mem.eql(u8, submission.completion, "all")) return gavel.fail(error.InvalidTask, "told by one", .{});
    }
    for (submissions, 1..) |submission, place| {
        if (std.mem.eql(u8, submission.completion, "lose")) continue;
        if (std.mem.eql(u8, submission.completion, "abstain")) {
            try judged.append(gavel.allocator, gavel.unjudged(error.Abstain, "told by {d}", .{place}));
            continue;
        }
        var same: f64 = 0;
        for (submissions) |other| {
            if (std.mem.eql(u8, other.completion, submission.completion)) same += 1;
        }
        const size: f64 = @floatFromInt(submissions.len);
        try judged.append(gavel.allocator, .{ .verdict = .{
            .reward = same / size,
            .reason = gavel.print("[{s}][{s}][{s}] {d} of {d}", .{
                submission.prompt, submission.reference orelse "<none>", options.tag, place, submissions.len,
            }),
            .metrics = try gavel.allocator.dupe(gavel.Metric, &.{
                .{ .name = "same", .value = same },
                .{ .name = "size", .value = size },
            }),
        } });
    }
    return judged.items;
}

comptime {
    gavel.groupPlugin(Options, verify, .{
        .name = "group",
        .version = "0.1.0",
        .summary = "Says of each completion of a prompt how many are the same.",
        .metrics = &.{ "same", "size" },
    });
}
