//! Judges length: the completion has at most `limit` words.

const std = @import("std");
const gavel = @import("gavel");

const Options = struct {
    limit: u32,

    pub const help = .{ .limit = "The most words." };
};

fn verify(submission: gavel.Submission, options: Options) gavel.Error!gavel.Verdict {
    var words: u32 = 0;
    var rest = std.mem.tokenizeAny(u8, submission.completion, &std.ascii.whitespace);
    while (rest.next()) |_| words += 1;
    const metrics = try gavel.allocator.dupe(gavel.Metric, &.{.{ .name = "words", .value = @floatFromInt(words) }});
    return .{
        .reward = gavel.rightIf(words <= options.limit),
        .reason = gavel.print("{d} words, at most {d} allowed", .{ words, options.limit }),
        .metrics = metrics,
    };
}

comptime {
    gavel.plugin(Options, verify, .{
        .name = "word-limit",
        .version = "0.1.0",
        .summary = "The completion has at most `limit` words.",
        .metrics = &.{"words"},
    });
}
